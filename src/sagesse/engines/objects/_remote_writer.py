"""Writes one blob into another S3: at once when it is short, part by part when it is long."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait

from sagesse.core.error import ServiceError
from sagesse.engines.objects._remote_bucket import RemoteBucket, RemoteUpload

PART_BYTES = 8 << 20
_CHUNK_BYTES = 1 << 20


class RemoteWriter:
    """See `BlobWriter`. Memory holds two parts: one fills while the one before is sent.

    Args:
        bucket: where to.
        key: the name there.
        executor: sends parts; its threads wait for nothing else.
        abandon: has removed what may be there under the key in a while, when it cannot be removed now.
    """

    def __init__(
        self, bucket: RemoteBucket, key: str, *, executor: Executor, abandon: Callable[[], None]
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._executor = executor
        self._abandon = abandon
        self._guard = threading.Lock()
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._upload: RemoteUpload | None = None
        self._parts: list[Future[str]] = []
        self._is_committed = self._is_discarded = self._is_doubtful = False

    def write(self, chunks: Sequence[bytes]) -> None:
        """See `BlobWriter.write`."""
        with self._guard:
            if self._is_discarded:
                return
            self._held += chunks
            self._held_bytes += sum(map(len, chunks))
            if self._held_bytes > PART_BYTES:
                self._send_parts()

    def commit(self) -> None:
        """See `BlobWriter.commit`: the other S3 has acknowledged it."""
        with self._guard:
            if self._is_committed or self._is_discarded:
                return
            rest = b"".join(self._held)
            self._held.clear()
            self._is_doubtful = True  # until the answer is there, it may be stored or not
            if self._upload is None:
                self._bucket.put(self._key, rest)
            else:
                last = self._bucket.upload_part(self._upload, len(self._parts) + 1, rest)
                self._bucket.complete(self._upload, [*(part.result() for part in self._parts), last])
            self._is_committed, self._is_doubtful = True, False

    def read(self, offset: int, size_bytes: int) -> Iterator[bytes]:
        """See `BlobWriter.read`."""
        return self._bucket.read(self._key, offset, size_bytes, chunk_bytes=_CHUNK_BYTES)

    def discard(self) -> None:
        """See `BlobWriter.discard`. When something failed before, it is done later: it would hardly succeed now."""
        with self._guard:
            if self._is_discarded:
                return
            self._is_discarded = True
            self._held.clear()
            wait(self._parts)
            if self._is_doubtful or any(part.exception() for part in self._parts):
                self._abandon()
                return
            try:
                self._remove()
            except ServiceError:
                self._abandon()

    def _send_parts(self) -> None:
        """Send what is held in whole parts, once the one before has arrived; the rest, never nothing, stays."""
        data = b"".join(self._held)
        at = 0
        while len(data) - at > PART_BYTES:
            self._send(data[at : at + PART_BYTES])
            at += PART_BYTES
        self._held = [data[at:]]
        self._held_bytes = len(data) - at

    def _send(self, data: bytes) -> None:
        if self._upload is None:
            self._is_doubtful = True
            self._upload = RemoteUpload(self._key, self._bucket.create_upload(self._key))
            self._is_doubtful = False
        if self._parts:
            self._parts[-1].result()
        upload, number = self._upload, len(self._parts) + 1
        self._parts.append(self._executor.submit(self._bucket.upload_part, upload, number, data))

    def _remove(self) -> None:
        if self._is_committed:
            self._bucket.delete(self._key)
        elif self._upload is not None:
            self._bucket.abort(self._upload)
