"""An object's bytes for a thread: as a run of chunks, or as a file that can be sought in."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from sagesse.core.body import FileSlice, Payload, Stream, read_slice
from sagesse.engines.objects.base import StoredObject
from sagesse.services.s3._error import not_implemented
from sagesse.services.s3._reseal import opened

T = TypeVar("T")
_CHUNK_BYTES = 1 << 20
_LARGEST_IN_MEMORY = 256 << 20


class SelectSource:
    """One object, read by one thread that is not the event loop's.

    Args:
        found: the object.
        key: opens its seal, if it has one.
        loop: where the store lives.
    """

    def __init__(self, found: StoredObject, key: bytes | None, loop: asyncio.AbstractEventLoop) -> None:
        self._found = found
        self._key = key
        self._loop = loop

    @property
    def size_bytes(self) -> int:
        """The object's size."""
        return self._found.info.size_bytes

    def chunks(self, offset: int) -> Iterator[bytes]:
        """The bytes from `offset` on, in bounded chunks."""
        if offset >= self.size_bytes:
            return
        payload = self._wait(lambda: opened(self._found, offset, self.size_bytes - offset, self._key))
        yield from self._of(payload)

    @contextmanager
    def file(self) -> Generator[Path]:
        """The object as a file: the stored one, or a copy without a name.

        A sealed object is never copied to the disk, but into memory.

        Raises:
            ServiceError: NotImplemented: it is sealed and too large for that.
        """
        payload = self._wait(lambda: opened(self._found, 0, self.size_bytes, self._key))
        if isinstance(payload, FileSlice) and _is_whole(payload):
            with payload.path.open("rb") as stored:
                yield _path(stored)
            return
        with self._empty() as copy:
            for chunk in self._of(payload):
                copy.write(chunk)
            copy.flush()
            yield _path(copy)

    def _empty(self) -> IO[bytes]:
        if self._key is None:
            return tempfile.TemporaryFile()
        if self.size_bytes > _LARGEST_IN_MEMORY:
            limit = f"encrypted Parquet objects of more than {_LARGEST_IN_MEMORY >> 20} MiB"
            raise not_implemented("SelectObjectContent", limit)
        return os.fdopen(os.memfd_create("select"), "w+b")

    def _of(self, payload: Payload) -> Iterator[bytes]:
        match payload:
            case bytes() as data:
                for start in range(0, len(data), _CHUNK_BYTES):
                    yield data[start : start + _CHUNK_BYTES]
            case FileSlice() as piece:
                yield from read_slice(piece)
            case Stream() as stream:
                yield from self._pulled(stream.chunks)

    def _pulled(self, chunks: AsyncIterator[bytes]) -> Iterator[bytes]:
        async def close() -> None:
            if (end := getattr(chunks, "aclose", None)) is not None:
                await end()

        try:
            while chunk := self._wait(lambda: _next(chunks)):
                yield chunk
        finally:
            self._wait(close)

    def _wait(self, make: Callable[[], Awaitable[T]]) -> T:
        async def run() -> T:
            return await make()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    return await anext(chunks, b"")


def _is_whole(piece: FileSlice) -> bool:
    return piece.offset == 0 and piece.path.stat().st_size == piece.size_bytes


def _path(file: IO[bytes]) -> Path:
    """A path to an open file, which holds whatever becomes of its name."""
    return Path(f"/proc/self/fd/{file.fileno()}")
