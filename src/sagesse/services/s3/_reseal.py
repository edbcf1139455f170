"""Bytes of one object on their way into another that is sealed in another way."""

import asyncio
from collections.abc import AsyncIterator

from sagesse.core.body import FileSlice, Payload, Stream, read_slice
from sagesse.engines.objects.base import StoredObject


class PayloadUpload:
    """A payload as an upload of known size."""

    def __init__(self, payload: Payload, size_bytes: int) -> None:
        self._payload = payload
        self.size_bytes: int | None = size_bytes
        self.trailers: dict[str, str] = {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The payload's bytes; a file is read in a thread."""
        match self._payload:
            case bytes() as data:
                yield data
            case FileSlice() as piece:
                chunks = read_slice(piece)
                while chunk := await asyncio.to_thread(next, chunks, b""):
                    yield chunk
            case Stream() as stream:
                async for chunk in stream.chunks:
                    yield chunk


async def opened(found: StoredObject, offset: int, size_bytes: int, key: bytes | None) -> Payload:
    """A slice of an object, with the key of its seal if it has one."""
    if key is None:
        return found.read(offset, size_bytes)
    return await found.unseal(offset, size_bytes, key)
