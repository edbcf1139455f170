"""Gives an object's bytes back: from its row, as a slice of its file, or run by run."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import NamedTuple

from sagesse.core.body import FileSlice, Payload, Stream, read_slice
from sagesse.engines.objects._blob import BlobFolder
from sagesse.engines.objects._index import blobs_of
from sagesse.engines.objects._schema import Row, Segment
from sagesse.engines.objects._sweep import Sweeper
from sagesse.engines.objects.base import Algorithm, ObjectInfo
from sagesse.engines.objects.digest import Digest


class Reader:
    """Reads what rows point to."""

    def __init__(self, blobs: BlobFolder, sweeper: Sweeper) -> None:
        self._blobs = blobs
        self._sweeper = sweeper

    def payload(self, row: Row, offset: int, size_bytes: int) -> Payload:
        """A slice of an object, to be sent soon."""
        if not row.segments:
            return row.data[offset : offset + size_bytes]
        pieces = self._pieces(row, offset, size_bytes)
        return pieces[0] if len(pieces) == 1 else Stream(self._stream(row, pieces), size_bytes)

    async def digest(self, row: Row, offset: int, size_bytes: int, algorithm: Algorithm) -> Digest:
        """The digests of a slice of an object, which is read for it in a thread."""

        def work() -> Digest:
            digest = Digest((algorithm,))
            if not row.segments:
                digest.update((row.data[offset : offset + size_bytes],))
            with self._sweeper.pinned(tuple(blobs_of(row.segments))):
                for piece in self._pieces(row, offset, size_bytes):
                    digest.update(read_slice(piece))
            return digest

        return await asyncio.to_thread(work)

    def _pieces(self, row: Row, offset: int, size_bytes: int) -> list[FileSlice]:
        return [
            FileSlice(self._blobs.path(segment.blob), segment.offset, segment.size_bytes)
            for segment in cut(row.segments, offset, size_bytes)
        ]

    async def _stream(self, row: Row, pieces: Sequence[FileSlice]) -> AsyncIterator[bytes]:
        with self._sweeper.pinned(tuple(blobs_of(row.segments))):
            for piece in pieces:
                chunks = read_slice(piece)
                while chunk := await asyncio.to_thread(next, chunks, b""):
                    yield chunk


class Stored(NamedTuple):
    """A `StoredObject`: an object as one row said it was."""

    row: Row
    reader: Reader

    @property
    def info(self) -> ObjectInfo:
        """See `StoredObject.info`."""
        return self.row.info

    def read(self, offset: int, size_bytes: int) -> Payload:
        """See `StoredObject.read`."""
        return self.reader.payload(self.row, offset, size_bytes)


def cut(segments: Sequence[Segment], offset: int, size_bytes: int) -> Iterator[Segment]:
    """The part of the segments that covers `size_bytes` from `offset`."""
    for segment in segments:
        if size_bytes <= 0:
            return
        if offset >= segment.size_bytes:
            offset -= segment.size_bytes
            continue
        length = min(segment.size_bytes - offset, size_bytes)
        yield Segment(segment.blob, segment.offset + offset, length)
        size_bytes -= length
        offset = 0
