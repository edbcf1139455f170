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
from sagesse.engines.objects.seal import open_bytes, open_slice


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

    async def unsealed(self, row: Row, offset: int, size_bytes: int, key: bytes) -> Payload:
        """A slice of a sealed object. Its beginning is opened now, so that damage there is found in time.

        Raises:
            SealBroken: it was changed, or the key is another.
        """
        if not row.segments:
            return open_bytes(key, row.data, row.info.size_bytes)[offset : offset + size_bytes]
        chunks = self._unsealed(row, offset, size_bytes, key)
        first = await asyncio.to_thread(next, chunks, b"")
        return first if len(first) == size_bytes else Stream(self._rest(row, first, chunks), size_bytes)

    def _unsealed(self, row: Row, offset: int, size_bytes: int, key: bytes) -> Iterator[bytes]:
        for segment in row.segments:
            length = min(segment.size_bytes - offset, size_bytes)
            if length > 0:
                run = FileSlice(self._blobs.path(segment.blob), segment.offset, segment.size_bytes)
                yield from open_slice(key, run, offset, length)
                size_bytes -= length
            offset = max(0, offset - segment.size_bytes)

    async def _rest(self, row: Row, first: bytes, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
        with self._sweeper.pinned(tuple(blobs_of(row.segments))):
            chunk = first
            while chunk:
                yield chunk
                chunk = await asyncio.to_thread(next, chunks, b"")

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
        if self.row.info.attributes.seal is not None:
            raise TypeError(f"{self.row.info.key} is sealed: a key is needed")
        return self.reader.payload(self.row, offset, size_bytes)

    async def unseal(self, offset: int, size_bytes: int, key: bytes) -> Payload:
        """See `StoredObject.unseal`."""
        return await self.reader.unsealed(self.row, offset, size_bytes, key)


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
