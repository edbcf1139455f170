"""The command line."""

from sagesse.cli.main import main

__all__ = ["main"]
