"""What goes through a pipe in one epoch: objects and texts in order, decompressed and wrapped as asked."""

import tempfile
import zlib
from collections.abc import Iterable, Iterator

from sagesse.runtime import recordio
from sagesse.runtime.feed_list import EntryList, Piece
from sagesse.runtime.object_reader import ObjectReader
from sagesse.runtime.plan import Feed

_GZIP_WINDOW = 31  # of zlib: gzip with its header and checksum, nothing else
_OUTPUT_BYTES = 1 << 20
_IN_MEMORY_BYTES = 8 << 20


class BadContent(Exception):  # noqa: N818 - reads as the fact it states
    """An object is not what the channel says it is."""


def epoch_content(feed: Feed, entries: EntryList, reader: ObjectReader, epoch: int) -> Iterator[bytes]:
    """The bytes of an epoch, in chunks.

    Raises:
        BadContent: an object is damaged gzip, or too long for a record.
        ObjectUnreadable: see there.
    """
    for place in entries.order(epoch, seed=feed.seed, index=feed.share_index, count=feed.share_count):
        for piece in entries[place]:
            yield from _record(feed, piece, reader) if feed.wraps else _plain(feed, piece, reader)


def _plain(feed: Feed, piece: Piece, reader: ObjectReader) -> Iterator[bytes]:
    if isinstance(piece, str):
        yield piece.encode()
        return
    chunks = reader.open(*piece).chunks()
    yield from gunzip(chunks, _uri(piece)) if feed.decompresses else chunks


def _record(feed: Feed, piece: Piece, reader: ObjectReader) -> Iterator[bytes]:
    if isinstance(piece, str):
        content = piece.encode()
        yield from _wrapped([content], len(content), "the attribute")
        return
    if not feed.decompresses:
        source = reader.open(*piece)
        yield from _wrapped(source.chunks(), source.size_bytes, _uri(piece))
        return
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as whole:  # its length comes first
        for chunk in gunzip(reader.open(*piece).chunks(), _uri(piece)):
            whole.write(chunk)
        size = whole.tell()
        whole.seek(0)
        yield from _wrapped(iter(lambda: whole.read(_OUTPUT_BYTES), b""), size, _uri(piece))


def _wrapped(chunks: Iterable[bytes], size_bytes: int, what: str) -> Iterator[bytes]:
    if size_bytes > recordio.MAX_BYTES:
        raise BadContent(
            f"{what} has {size_bytes} bytes; a RecordIO record has at most {recordio.MAX_BYTES} bytes"
        )
    yield recordio.head(size_bytes)
    yield from chunks
    yield recordio.padding(size_bytes)


def gunzip(chunks: Iterable[bytes], what: str) -> Iterator[bytes]:
    """The decompressed bytes of a gzip file, which may have several members.

    Raises:
        BadContent: names `what` is no gzip, or damaged, or not whole.
    """
    member = None
    for chunk in chunks:
        data, is_full = chunk, False
        while data or is_full:
            if member is None or member.eof:
                data = data if member is None else data.lstrip(b"\0")  # some writers fill up with zeros
                if not data:
                    break
                member = zlib.decompressobj(_GZIP_WINDOW)
            try:
                opened = member.decompress(data, _OUTPUT_BYTES)
            except zlib.error as error:
                raise BadContent(f"{what} is no valid gzip file: {error}") from error
            yield opened
            is_full = len(opened) == _OUTPUT_BYTES and not member.eof
            data = member.unused_data if member.eof else member.unconsumed_tail
    if member is not None and not member.eof:
        raise BadContent(f"{what} is no valid gzip file: it ends too early")


def _uri(piece: tuple[str, str]) -> str:
    return f"s3://{piece[0]}/{piece[1]}"
