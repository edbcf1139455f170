"""Payloads that need not fit in memory.

A request payload reaches a service as an `Upload`; a response payload leaves it as a `Payload`. Neither side
buffers a whole object: the wire feeds uploads as they arrive and sends file slices with sendfile.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias


class Upload(Protocol):
    """A request payload that is read once, in order."""

    @property
    def size_bytes(self) -> int | None:
        """Length of the decoded payload, or None when the client did not announce it."""
        ...

    @property
    def trailers(self) -> dict[str, str]:
        """Trailing headers (lower-case names), complete once the iteration has ended."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The decoded bytes in chunks of any size.

        Raises:
            ServiceError: the payload did not match its signature, digest, framing or announced length.
        """
        ...


class FileSlice(NamedTuple):
    """A response payload that is a part of a file; the wire sends it with sendfile where it can."""

    path: Path
    offset: int
    size_bytes: int


class Stream(NamedTuple):
    """A response payload produced as it is sent; `size_bytes` None sends it chunked."""

    chunks: AsyncIterator[bytes]
    size_bytes: int | None = None


Payload: TypeAlias = bytes | FileSlice | Stream


async def begun(payload: Payload) -> Payload:
    """The payload; a stream with its first chunk there, so that what goes wrong at once is known in time."""
    if not isinstance(payload, Stream):
        return payload
    return Stream(_Begun(await anext(payload.chunks, b""), payload.chunks), payload.size_bytes)


class _Begun:
    """Chunks of which the first is there already."""

    def __init__(self, first: bytes, rest: AsyncIterator[bytes]) -> None:
        self._first = first
        self._rest = rest

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        first, self._first = self._first, b""
        return first or await anext(self._rest)

    async def aclose(self) -> None:
        """End the rest; see the method of generators."""
        close = getattr(self._rest, "aclose", None)
        if close is not None:
            await close()


class BytesUpload:
    """An `Upload` over bytes in memory, for calls made inside the process."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.trailers: dict[str, str] = {}

    @property
    def size_bytes(self) -> int:
        """Number of bytes."""
        return len(self._data)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes, at once."""
        yield self._data


class FileUpload:
    """An `Upload` over a file, read in chunks of `chunk_bytes`, for calls made inside the process."""

    def __init__(self, path: Path, *, chunk_bytes: int = 1 << 20) -> None:
        self._path = path
        self._chunk_bytes = chunk_bytes
        self.trailers: dict[str, str] = {}

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return self._path.stat().st_size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The file's bytes."""
        with self._path.open("rb") as file:
            while chunk := file.read(self._chunk_bytes):
                yield chunk


def read_slice(piece: FileSlice, *, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
    """The bytes of `piece`, in chunks."""
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        left = piece.size_bytes
        while left > 0 and (chunk := file.read(min(chunk_bytes, left))):
            left -= len(chunk)
            yield chunk
