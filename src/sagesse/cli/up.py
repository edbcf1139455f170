"""`sagesse up`: run a server in the foreground, or leave one running."""

import argparse
import logging

import msgspec

from sagesse.cli import background
from sagesse.cli.command import Invocation
from sagesse.cli.failure import CommandFailed, Exit
from sagesse.cli.greeting import greeting
from sagesse.cli.instance import Instance, Occupied, hold
from sagesse.config import Settings

_LEVELS = logging.getLevelNamesMapping()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See `Command.add_arguments`."""
    parser.add_argument("--detach", action="store_true", help="return when the server is healthy")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, this machine only)")
    parser.add_argument("--port", type=int, help="port to listen on; 0 takes a free one (default: 4577)")
    parser.add_argument("--region", help="the AWS region it is (default: us-east-1)")
    parser.add_argument(
        "--ephemeral",
        action="store_true",
        default=None,
        help="for test suites: nothing is kept, any unknown access key is root",
    )


def run(invocation: Invocation) -> int:
    """See `Command.run`."""
    options, settings, screen = invocation
    if settings.log_level.upper() not in _LEVELS:
        allowed = ", ".join(name for name in _LEVELS if name != "NOTSET")
        raise CommandFailed(f"log_level: {settings.log_level!r} is not one of {allowed}", code=Exit.USAGE)
    if options.detach:
        started = background.ensure(settings)
        screen.result(msgspec.to_builtins(started.facts), *_words(started, settings.host))
        return Exit.DONE
    try:
        with hold(settings.folder):
            return _serve(invocation)
    except Occupied as occupied:
        raise _running_already(occupied.instance) from occupied
    except OSError as error:
        raise _unusable(settings, error) from error


def _serve(invocation: Invocation) -> int:
    from sagesse.cli.foreground import serve  # noqa: PLC0415 - half a second, which a refusal need not cost

    return serve(invocation.settings, invocation.screen)


def _words(started: background.Started, host: str) -> list[str]:
    log = ", log in run/server.log there"
    if not started.is_new:  # what it listens on is its own affair
        return greeting(started.facts, "Sagesse answers already", log=log)
    return greeting(started.facts, "Sagesse answers", host=host, log=log)


def _running_already(instance: Instance) -> CommandFailed:
    where = f" and answers at {instance.facts.url}" if instance.facts else ""
    return CommandFailed(
        f"a server with process id {instance.pid} has this data directory already{where}",
        fix="Use it, end it with `sagesse down`, or choose another --data-dir and --port.",
        code=Exit.RUNNING_ALREADY,
    )


def _unusable(settings: Settings, error: OSError) -> CommandFailed:
    return CommandFailed(
        f"the data directory {settings.folder} cannot be used: {error}",
        fix="Choose another with --data-dir, or see `sagesse doctor`.",
    )
