"""`BlobStore` in another S3: the object ``<root><epoch>/<random>`` of one bucket is a blob."""

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from sagesse.engines.objects._remote_bucket import RemoteBucket
from sagesse.engines.objects._remote_writer import RemoteWriter
from sagesse.engines.objects._schema import Segment

SETTLE_S = 600.0
_SENDERS = 16


class RemoteBlobs:
    """See `BlobStore`.

    Args:
        bucket: the other S3's.
        root: what all names there begin with; ends with a slash.
        settle_s: how long an ended epoch, or a blob whose writing failed, is left alone: what was sent before may
            still arrive there.
    """

    threads = 32
    has_slots = False

    def __init__(self, bucket: RemoteBucket, root: str, *, settle_s: float = SETTLE_S) -> None:
        self._bucket = bucket
        self._root = root
        self._settle_s = settle_s
        self._senders = ThreadPoolExecutor(_SENDERS, thread_name_prefix="remote")
        self._abandoned: dict[str, float] = {}
        self._guard = threading.Lock()
        self.begin_epoch()

    def new_id(self) -> str:
        """See `BlobStore.new_id`."""
        return f"{self._epoch}/{secrets.token_hex(16)}"

    def writer(self, blob: str, *, offset: int | None = None) -> RemoteWriter:
        """See `BlobStore.writer`."""
        if offset is not None:
            raise TypeError("an object in another S3 has no slots")
        return RemoteWriter(
            self._bucket,
            self._root + blob,
            executor=self._senders,
            abandon=lambda: self._abandon(blob, self._settle_s),
        )

    def find_file(self, piece: Segment) -> None:
        """See `BlobStore.find_file`."""

    def read(self, piece: Segment, *, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
        """See `BlobStore.read`; only the bytes asked for are sent here."""
        key = self._root + piece.blob
        return self._bucket.read(key, piece.offset, piece.size_bytes, chunk_bytes=chunk_bytes)

    def remove(self, blobs: Sequence[str]) -> None:
        """See `BlobStore.remove`."""
        for _ in self._senders.map(self._bucket.delete, [self._root + blob for blob in blobs]):
            pass

    def abandon(self, blob: str) -> None:
        """See `BlobStore.abandon`; the next sweep removes it."""
        self._abandon(blob, 0)

    def begin_epoch(self) -> None:
        """See `BlobStore.begin_epoch`."""
        self._epoch = f"{time.time_ns() // 1000:x}{secrets.token_hex(2)}"
        self._began = time.monotonic()
        self._is_swept = False

    def ended(self) -> Iterator[str]:
        """See `BlobStore.ended`. Asked once after they have settled, for every list costs a request."""
        self._remove_abandoned()
        if self._is_swept or time.monotonic() < self._began + self._settle_s:
            return
        epoch = self._epoch
        for upload in self._bucket.uploads(self._root):
            if not upload.key.startswith(f"{self._root}{epoch}/"):
                self._bucket.abort(upload)
        yield from (name for name in self._bucket.folders(self._root) if name != epoch)
        self._is_swept = epoch == self._epoch

    def blobs_of(self, epoch: str) -> Iterator[str]:
        """See `BlobStore.blobs_of`."""
        return (key[len(self._root) :] for key in self._bucket.keys(f"{self._root}{epoch}/"))

    def close(self) -> None:
        """See `BlobStore.close`."""
        self._senders.shutdown()
        self._bucket.close()

    def _abandon(self, blob: str, after_s: float) -> None:
        with self._guard:
            self._abandoned[blob] = time.monotonic() + after_s

    def _remove_abandoned(self) -> None:
        now = time.monotonic()
        with self._guard:
            due = [blob for blob, at in self._abandoned.items() if at <= now]
        for blob in due:
            for upload in self._bucket.uploads(self._root + blob):
                self._bucket.abort(upload)
            self._bucket.delete(self._root + blob)
            with self._guard:
                del self._abandoned[blob]
