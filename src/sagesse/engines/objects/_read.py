"""Gives an object's bytes back: from its row, as a slice of its file, or run by run."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from sagesse.core.body import Payload, Stream
from sagesse.core.error import ServiceError
from sagesse.engines.objects._blob_store import BlobStore
from sagesse.engines.objects._damage import Inspector
from sagesse.engines.objects._index import blobs_of
from sagesse.engines.objects._schema import Row, Segment
from sagesse.engines.objects._sweep import Sweeper
from sagesse.engines.objects.base import Algorithm, ObjectInfo
from sagesse.engines.objects.digest import Digest
from sagesse.engines.objects.seal import BATCH_BYTES, Run, open_bytes, open_slice


class Reader:
    """Reads what rows point to.

    Args:
        blobs: has the bytes.
        sweeper: keeps blobs that are being read.
        executor: threads in which it waits for bytes.
        inspector: looks before bytes are given out.
    """

    def __init__(self, blobs: BlobStore, sweeper: Sweeper, executor: Executor, inspector: Inspector) -> None:
        self._blobs = blobs
        self._sweeper = sweeper
        self._executor = executor
        self._inspector = inspector

    def check(self, row: Row) -> None:
        """Refuse an object whose bytes are not all there, as far as that is seen at once.

        Raises:
            ObjectDamaged: so it is.
        """
        if not row.segments:
            self._inspector.inline(row)
        elif row.info.attributes.seal is None:
            self._pieces(row, 0, row.info.size_bytes)

    def payload(self, row: Row, offset: int, size_bytes: int) -> Payload:
        """A slice of an object, to be sent soon.

        Raises:
            ObjectDamaged: it is not all there, or not what was stored.
        """
        if not row.segments:
            return self._inspector.inline(row)[offset : offset + size_bytes]
        pieces = self._pieces(row, offset, size_bytes)
        file = self._blobs.find_file(pieces[0]) if len(pieces) == 1 else None
        return file or Stream(self._stream(row, self._chunks(pieces)), size_bytes)

    async def digest(self, row: Row, offset: int, size_bytes: int, algorithm: Algorithm) -> Digest:
        """The digests of a slice of an object, which is read for it in a thread."""

        def work() -> Digest:
            digest = Digest((algorithm,))
            if not row.segments:
                digest.update((row.data[offset : offset + size_bytes],))
            with self._sweeper.pinned(tuple(blobs_of(row.segments))):
                digest.update(self._chunks(self._pieces(row, offset, size_bytes)))
            return digest

        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def unsealed(self, row: Row, offset: int, size_bytes: int, key: bytes) -> Payload:
        """A slice of a sealed object. Its beginning is opened now, so that damage there is found in time.

        Raises:
            SealBroken: it was changed, or the key is another.
            ObjectDamaged: its file is gone.
        """
        with self._noting(row):
            if not row.segments:
                return open_bytes(key, row.data, row.info.size_bytes)[offset : offset + size_bytes]
            chunks = self._unsealed(row, offset, size_bytes, key)
            first = await asyncio.get_running_loop().run_in_executor(self._executor, next, chunks, b"")
        if len(first) == size_bytes:
            return first
        return Stream(self._stream(row, chunks, first), size_bytes)

    def _unsealed(self, row: Row, offset: int, size_bytes: int, key: bytes) -> Generator[bytes]:
        for segment in row.segments:
            length = min(segment.size_bytes - offset, size_bytes)
            if length > 0:
                run = Run(partial(self._sealed, segment), segment.size_bytes)
                yield from open_slice(key, run, offset, length)
                size_bytes -= length
            offset = max(0, offset - segment.size_bytes)

    def _sealed(self, segment: Segment, offset: int, size_bytes: int) -> Iterator[bytes]:
        piece = Segment(segment.blob, segment.offset + offset, size_bytes)
        return self._blobs.read(piece, chunk_bytes=BATCH_BYTES)

    def _chunks(self, pieces: Iterable[Segment]) -> Generator[bytes]:
        for piece in pieces:
            yield from self._blobs.read(piece)

    def _pieces(self, row: Row, offset: int, size_bytes: int) -> Sequence[Segment]:
        pieces = list(cut(row.segments, offset, size_bytes))
        self._inspector.files(row, map(self._blobs.find_file, pieces))
        return pieces

    @contextmanager
    def _noting(self, row: Row) -> Generator[None]:
        """Damage that shows while bytes are read is noted."""
        try:
            yield
        except FileNotFoundError as error:
            raise self._inspector.found(row, f"its file {error.filename} is missing") from error
        except ServiceError as error:
            if error.status == 500:  # another S3 that does not answer is no damage
                self._inspector.found(row, error.message)
            raise

    async def _stream(self, row: Row, chunks: Generator[bytes], first: bytes = b"") -> AsyncIterator[bytes]:
        """`first` and the rest of the chunks; the next one is fetched while one is sent."""
        with self._sweeper.pinned(tuple(blobs_of(row.segments))):
            ahead = self._executor.submit(next, chunks, b"")
            try:
                if first:
                    yield first
                while True:
                    with self._noting(row):
                        chunk = await asyncio.wrap_future(ahead)
                    if not chunk:
                        return
                    ahead = self._executor.submit(next, chunks, b"")
                    yield chunk
            finally:
                ahead.add_done_callback(lambda _: chunks.close())


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
