"""Takes a payload in: small ones in memory, larger ones to a blob while threads digest and write."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any, TypeVar

from sagesse.core.body import Upload
from sagesse.engines.objects._blob import MAX_CHUNKS
from sagesse.engines.objects._blob_store import BlobWriter
from sagesse.engines.objects.base import Algorithm, Checksum, Expectation
from sagesse.engines.objects.digest import DEFAULT_ALGORITHM, Digest, trailing, verify, wanted
from sagesse.engines.objects.error import entity_too_large, storage_failed
from sagesse.engines.objects.seal import Seal, etag_of, seal_bytes

BATCH_BYTES = 1 << 20
MAX_UPLOAD_BYTES = 5 << 30

T = TypeVar("T")


class Received:
    """A verified payload: in `data`, or in the writer's blob, which is on disk."""

    def __init__(self, size_bytes: int, digest: Digest, data: bytes | None, algorithm: Algorithm) -> None:
        self.size_bytes = size_bytes
        self.md5 = digest.md5
        self.etag = self.md5.hex()
        self.checksums = digest.checksums
        self.checksum = Checksum(algorithm, self.checksums[algorithm])
        self.data = data

    def seal(self, seal: Seal | None, key: bytes | None) -> None:
        """Seal what stayed in memory, and let the etag say nothing of it where the seal wants that."""
        if seal is None or key is None:
            return
        if seal.hides_etag:
            self.etag = etag_of(key, self.md5)
        if self.data is not None:
            self.data = seal_bytes(key, self.data)


class Receiver:
    """Takes in one payload.

    Args:
        executor: threads for digests and writes.
        open_writer: makes the writer once the payload turns out to be large; runs in a thread.
        inline_bytes: up to this size it stays in memory; -1 always writes.
    """

    def __init__(
        self, executor: Executor, open_writer: Callable[[], BlobWriter], *, inline_bytes: int
    ) -> None:
        self._executor = executor
        self._open_writer = open_writer
        self._inline_bytes = inline_bytes
        self._writer: BlobWriter | None = None

    async def receive(self, upload: Upload, expect: Expectation) -> Received:
        """Take in the payload and verify it; when this raises, nothing is left behind.

        Raises:
            ServiceError: it does not match its digests, is too large, or what the upload raises.
        """
        try:
            _refuse_size(upload.size_bytes or 0)
            return await self._receive(upload, expect)
        except BaseException as error:
            await self.discard()
            if isinstance(error, OSError):
                raise storage_failed(error) from error
            raise

    async def discard(self) -> None:
        """Remove what was written."""
        if self._writer is not None:
            await asyncio.shield(self._run(self._writer.discard))

    async def _receive(self, upload: Upload, expect: Expectation) -> Received:
        digest = Digest(wanted(expect))
        size, data = await self._take(upload, digest)
        trailer = trailing(upload.trailers)
        if trailer is not None and trailer[0] not in digest.checksums:
            await self._run(lambda: digest.add(trailer[0], self._again(size, data)))
        verify(expect, digest, trailer)
        if self._writer is not None:
            await self._run(self._writer.commit)
        given = trailer or expect.checksum
        algorithm = given[0] if given else expect.algorithm or DEFAULT_ALGORITHM
        return Received(size, digest, data, algorithm)

    async def _take(self, upload: Upload, digest: Digest) -> tuple[int, bytes | None]:
        """Read to the end; the bytes when they stayed in memory. One batch is worked on while the next arrives."""
        size, held, batch = 0, 0, list[bytes]()
        working: asyncio.Future[Any] | None = None
        async for chunk in upload:
            size += len(chunk)
            held += len(chunk)
            batch.append(chunk)
            if held < BATCH_BYTES and len(batch) < MAX_CHUNKS:
                continue
            _refuse_size(size)
            if working is not None:
                await working
            working, batch, held = self._work(batch, digest, await self._ready()), [], 0
        if working is not None:
            await working
        if self._writer is None and size <= self._inline_bytes:
            digest.update(batch)
            return size, b"".join(batch)
        await self._work(batch, digest, await self._ready())
        return size, None

    def _again(self, size_bytes: int, data: bytes | None) -> Iterator[bytes]:
        """The payload once more, for a trailer that was not announced."""
        if data is not None or self._writer is None:
            return iter((data or b"",))
        self._writer.commit()
        return self._writer.read(0, size_bytes)

    def _work(self, batch: list[bytes], digest: Digest, writer: BlobWriter) -> "asyncio.Future[Any]":
        return asyncio.gather(self._run(lambda: digest.update(batch)), self._run(lambda: writer.write(batch)))

    async def _ready(self) -> BlobWriter:
        writer = self._writer or await self._run(self._open_writer)
        self._writer = writer
        return writer

    def _run(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._executor, work)


def _refuse_size(size_bytes: int) -> None:
    if size_bytes > MAX_UPLOAD_BYTES:
        raise entity_too_large(size_bytes, MAX_UPLOAD_BYTES)
