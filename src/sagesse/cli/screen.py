"""Where a command's words go: people get text, programs get one JSON object."""

import json
import re
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sagesse.cli.failure import CommandFailed

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


_TAG = re.compile(r"(\\*)(\[[a-z#/@][^\[]*?\])")


class Screen:
    """Standard output and error of one command.

    With `as_json`, standard output carries one JSON object and nothing else; a failure is one JSON object on
    standard error. rich is imported at the first word only: a server needs none.

    Args:
        as_json: whether a program reads.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    @cached_property
    def console(self) -> "Console":
        """For people: standard output, or standard error when a program reads the former."""
        return _console(stderr=self.as_json)

    def result(self, facts: Mapping[str, Any], *text: "RenderableType") -> None:
        """Tell the outcome: `facts` to programs, `text` to people."""
        if not self.as_json:
            for part in text:
                self.console.print(part, soft_wrap=isinstance(part, str))
            return
        sys.stdout.write(json.dumps(facts, default=str) + "\n")
        sys.stdout.flush()

    def fail(self, error: CommandFailed) -> None:
        """Say why the command failed, and what to do."""
        if self.as_json:
            facts = {"error": error.message, "fix": error.fix, "code": int(error.code)}
            sys.stderr.write(json.dumps(facts) + "\n")
            return
        errors = _console(stderr=True)
        errors.print(f"[bold red]sagesse:[/] {plain(error.message)}", soft_wrap=True)
        if error.fix:
            errors.print(f"  {plain(error.fix)}", soft_wrap=True)


def _console(*, stderr: bool) -> "Console":
    from rich.console import Console  # noqa: PLC0415 - costs a tenth of a cold start

    return Console(stderr=stderr, highlight=False)


def plain(text: str) -> str:
    """`text` in which nothing is markup, as `rich.markup.escape` makes it, without importing rich."""
    return _TAG.sub(lambda tag: f"{tag[1]}{tag[1]}\\{tag[2]}", text)
