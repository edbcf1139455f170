"""Records of JSON."""

import re
from collections.abc import Iterable, Iterator

from sagesse.engines.select._block import Block, lines
from sagesse.engines.select.error import refusal

_LONGEST_DOCUMENT = 64 << 20  # characters
_BLOCK = 1 << 20
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\]]|[^\s{}\[\]"]+', re.DOTALL)
_SEPARATOR = "\x1e"  # which JSON never holds


def line_blocks(pieces: Iterable[str]) -> Iterator[Block]:
    """Records that have a line each."""
    for text in lines(pieces, "\n"):
        yield Block(text, "\n")


def document_blocks(pieces: Iterable[str]) -> Iterator[Block]:
    """Top-level values; all are held until the object was read.

    Raises:
        ServiceError: OverMaxRecordSize.
    """
    parts: list[str] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > _LONGEST_DOCUMENT:
            raise refusal(
                "OverMaxRecordSize",
                f"A JSON document of more than {_LONGEST_DOCUMENT >> 20} MiB cannot be selected from; use JSON lines.",
            )
    batch: list[str] = []
    size = 0
    for value in _values("".join(parts)):
        if _SEPARATOR in value:
            raise refusal("JSONParsingError")
        batch.append(value)
        size += len(value)
        if size >= _BLOCK:
            yield Block(_SEPARATOR.join(batch), _SEPARATOR)
            batch, size = [], 0
    if batch:
        yield Block(_SEPARATOR.join(batch), _SEPARATOR)


def _values(text: str) -> Iterator[str]:
    depth = start = 0
    for token in _TOKEN.finditer(text):
        if depth == 0:
            start = token.start()
        match token[0]:
            case "{" | "[":
                depth += 1
            case "}" | "]":
                depth -= 1
            case _:
                pass
        if depth <= 0:
            depth = 0
            yield text[start : token.end()]
    if depth:
        yield text[start:]
