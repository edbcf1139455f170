"""`sagesse`: the commands, their common arguments, and what happens when one fails."""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import cast

from sagesse import __version__
from sagesse.cli.command import Command, Invocation
from sagesse.cli.failure import CommandFailed, Exit
from sagesse.cli.screen import Screen
from sagesse.config import SettingsError, load_settings

COMMANDS = {
    "up": "run the server (in the foreground, or --detach)",
    "down": "stop the server; jobs and model servers go on unless --jobs",
    "status": "health, jobs, endpoints, usage and disk of the server",
    "events": "what happened: state changes of resources, objects; --follow goes on",
    "env": 'the environment for AWS clients: eval "$(sagesse env)"',
    "image": "run jobs of an image in a virtual environment or program of yours",
    "scrub": "read everything that is stored, and say what is damaged",
    "doctor": "check this machine, and say how to fix what it lacks",
    "demo": "the marble sorter: render, upload, train, deploy, classify",
}
_SETTINGS = ("data_dir", "host", "port", "region", "ephemeral")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a locale without our letters fails no command
    given = list(sys.argv[1:] if arguments is None else arguments)
    chosen = next((word for word in given if not word.startswith("-")), "")
    command = _module(chosen) if chosen in COMMANDS else None
    options = _parser(chosen, command).parse_args(given)
    screen = Screen(as_json=options.json)
    if command is None:
        raise AssertionError("argparse lets only known commands through")
    try:
        overrides = {name: getattr(options, name, None) for name in _SETTINGS}
        settings = load_settings(os.environ, **overrides)
        return command.run(Invocation(options, settings, screen))
    except SettingsError as error:
        screen.fail(CommandFailed(str(error), fix="docs/settings.md lists them all.", code=Exit.USAGE))
        return Exit.USAGE
    except CommandFailed as error:
        screen.fail(error)
        return error.code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:  # whoever read us has gone, as `sagesse status | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except OSError as error:
        screen.fail(CommandFailed(str(error)))
        return Exit.FAILED


def _module(name: str) -> Command:
    """A command's module; only the chosen one is imported, which keeps each of them quick to start."""
    return cast("Command", importlib.import_module(f"sagesse.cli.{name}"))


def _parser(chosen: str, command: Command | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sagesse",
        description="The AWS machine-learning stack on your own machines.",
        epilog="Settings come from arguments, then SAGESSE_* variables, then <data dir>/settings.json.",
    )
    parser.add_argument("--version", action="version", version=f"sagesse {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    for name, text in COMMANDS.items():
        one = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        one.add_argument("--data-dir", metavar="DIR", help="where everything is kept (default: ~/.sagesse)")
        one.add_argument("--json", action="store_true", help="one JSON object instead of text")
        if name == chosen and command is not None:
            command.add_arguments(one)
    return parser
