"""The command line."""

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code.

    What it needs is imported here, so that Ctrl-C in that moment ends it as quietly as any other.
    """
    try:
        from sagesse.cli.main import main as run  # noqa: PLC0415 - see above

        return run(arguments)
    except KeyboardInterrupt:
        return 130
