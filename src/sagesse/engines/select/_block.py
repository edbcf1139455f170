"""Blocks of whole records, out of pieces of an object."""

import codecs
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sagesse.engines.select.base import ScanRange
from sagesse.engines.select.error import refusal

LONGEST_RECORD = 1 << 20  # characters
_BLOCK_BYTES = 1 << 20


class Block(NamedTuple):
    """Records, and what stands between them and between their fields; no text: no records."""

    text: str | None
    record: str = "\n"
    field: str = ","


def texts(pieces: Iterable[bytes]) -> Iterator[str]:
    """The pieces as text, put together to a useful size; a byte order mark is left out.

    Raises:
        ServiceError: InvalidTextEncoding.
    """
    decode = codecs.getincrementaldecoder("utf-8-sig")().decode
    try:
        for piece in _batches(pieces):
            yield decode(piece)
        yield decode(b"", True)
    except UnicodeDecodeError:
        raise refusal("InvalidTextEncoding") from None


def lines(pieces: Iterable[str], delimiter: str) -> Iterator[str]:
    """Texts that end where a record ends, without the last delimiter.

    Raises:
        ServiceError: OverMaxRecordSize.
    """
    rest = ""
    for piece in pieces:
        whole, found, rest = (rest + piece).rpartition(delimiter)
        if found:
            yield whole
        if len(rest) > LONGEST_RECORD:
            raise refusal("OverMaxRecordSize")
    if rest:
        yield rest


def in_range(chunks: Iterable[bytes], scan: ScanRange, *, offset: int, delimiter: bytes) -> Iterator[bytes]:
    """The records that begin in a range, to their ends.

    Args:
        chunks: the object from `offset` on.
        scan: the range.
        offset: as far before the range as the delimiter is long, or 0.
        delimiter: what ends records.
    """
    size = len(delimiter)
    waits = scan.start > 0
    rest, at = b"", offset  # what was not given yet, and where it is
    for chunk in chunks:
        rest += chunk
        if waits:
            found = rest.find(delimiter)
            waits = found < 0
            gone = len(rest) - size + 1 if waits else found + size
            rest, at = rest[max(0, gone) :], at + max(0, gone)
            if waits:
                continue
            if scan.end is not None and at > scan.end:
                return
        if scan.end is not None:
            # The last record ends with the first delimiter that ends behind the range.
            found = rest.find(delimiter, max(0, scan.end + 1 - size - at))
            if found >= 0:
                yield rest[: found + size]
                return
        gone = max(0, len(rest) - size + 1)
        yield rest[:gone]
        rest, at = rest[gone:], at + gone
    if not waits:
        yield rest


def _batches(pieces: Iterable[bytes]) -> Iterator[bytes]:
    batch = bytearray()
    for piece in pieces:
        batch += piece
        if len(batch) >= _BLOCK_BYTES:
            yield bytes(batch)
            batch.clear()
    if batch:
        yield bytes(batch)
