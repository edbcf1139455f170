"""The words of an expression."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias

from sagesse.engines.select.error import refusal

TokenKind: TypeAlias = Literal["string", "quoted", "ion", "number", "word", "operator", "end"]
_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
    |'(?P<string>(?:[^']|'')*)'
    |"(?P<quoted>(?:[^"]|"")*)"
    |`(?P<ion>[^`]*)`
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<word>[^\W\d][\w$]*)
    |(?P<operator><>|!=|<=|>=|\|\||[-+*/%=<>(),.;\[\]])""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One word; `text` without quotes, `name` in lower case for a bare word, `at` counts from one."""

    kind: TokenKind
    text: str
    at: int

    @property
    def name(self) -> str:
        """What keywords are told by; empty for what can be none."""
        return self.text.lower() if self.kind in {"word", "operator"} else ""


def tokens(expression: str) -> list[Token]:
    """The words of `expression`, and an end.

    Raises:
        ServiceError: LexerInvalidChar.
    """
    return [*_tokens(expression), Token("end", "", len(expression) + 1)]


def _tokens(expression: str) -> Iterator[Token]:
    position = 0
    while position < len(expression):
        found = _TOKEN.match(expression, position)
        if found is None or "\0" in found[0]:
            character = expression[position]
            raise refusal(
                "LexerInvalidChar",
                f"The SQL expression contains an invalid character: {character!r} at position {position + 1}.",
            )
        kind = found.lastgroup
        text = found[str(kind)]
        position = found.end()
        match kind:
            case "string":
                yield Token("string", text.replace("''", "'"), found.start() + 1)
            case "quoted":
                yield Token("quoted", text.replace('""', '"'), found.start() + 1)
            case "ion" | "number" | "word" | "operator":
                yield Token(kind, text, found.start() + 1)
            case _:
                pass
