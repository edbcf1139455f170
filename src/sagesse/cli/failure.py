"""What a command that cannot do its work says, and the exit codes."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `sagesse`; docs/cli.md lists them."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    RUNNING_ALREADY = 4
    CANNOT_LISTEN = 5
    INTERRUPTED = 130


class CommandFailed(Exception):  # noqa: N818 - reads as the fact it states
    """A command cannot do its work.

    Args:
        message: what is wrong, with the value.
        fix: what to do about it; empty when nobody knows.
        code: how the program exits.
    """

    def __init__(self, message: str, *, fix: str = "", code: int = Exit.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.code = code
