"""What every command is made of."""

import argparse
from typing import NamedTuple, Protocol

from sagesse.cli.screen import Screen
from sagesse.config import Settings


class Invocation(NamedTuple):
    """One run of a command: what was typed, the settings that follow from it, where words go."""

    options: argparse.Namespace
    settings: Settings
    screen: Screen


class Command(Protocol):
    """A module of this package: one command."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments that only this command has."""
        ...

    def run(self, invocation: Invocation) -> int:
        """Do it; returns the exit code.

        Raises:
            CommandFailed: it cannot be done.
        """
        ...
