"""`sagesse`: the commands and their arguments."""

import argparse
import os
import sys
from collections.abc import Sequence

from sagesse.cli import up
from sagesse.config import SettingsError, load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="sagesse")
    commands = parser.add_subparsers(dest="command", required=True)
    up.add_arguments(commands.add_parser("up"))
    options = parser.parse_args(arguments)
    try:
        settings = load_settings(
            os.environ,
            data_dir=options.data_dir,
            port=options.port,
            host=options.host,
            region=options.region,
            ephemeral=options.ephemeral or None,
        )
    except SettingsError as error:
        print(f"sagesse: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return up.run(settings, as_json=options.json)
