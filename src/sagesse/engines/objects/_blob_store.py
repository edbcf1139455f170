"""`BlobStore`: where the payloads of large objects lie; the index names them, their places know nothing of objects.

Every start of a store opens an epoch, the first part of the names of its blobs. A blob is durable before the index
mentions it, so a crash leaves at most blobs of an ended epoch that the index does not know; those are swept without a
look at what is being written now. `_blob` keeps them in files, `_remote_blob` in another S3.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from sagesse.core.body import FileSlice
from sagesse.engines.objects._schema import Segment


class BlobWriter(Protocol):
    """Writes one blob, or one slot of a shared blob; for threads, one call at a time.

    `discard` may come while another thread still writes: it waits for it.
    """

    def write(self, chunks: Sequence[bytes]) -> None:
        """Append the chunks, at most `_blob.MAX_CHUNKS`; nothing after `discard`."""
        ...

    def commit(self) -> None:
        """Have it durable; nothing can be written afterwards. Idempotent."""
        ...

    def read(self, offset: int, size_bytes: int) -> Iterator[bytes]:
        """A slice of what was committed, in chunks."""
        ...

    def discard(self) -> None:
        """Give up, also after `commit`: nothing stays, but that a slot stays unused."""
        ...


class BlobStore(Protocol):
    """Keeps blobs. All methods but those that say so may take long and are for threads.

    Args:
        threads: how many threads may well wait for it at once.
        has_slots: a blob can be written in pieces, in any order.
    """

    threads: int
    has_slots: bool

    def new_id(self) -> str:
        """A name for a new blob, at once."""
        ...

    def writer(self, blob: str, *, offset: int | None = None) -> BlobWriter:
        """A writer of a new blob, or of the slot at `offset` of a shared one."""
        ...

    def find_file(self, piece: Segment) -> FileSlice | None:
        """The bytes as a slice of a file, at once; None: they must be `read`."""
        ...

    def read(self, piece: Segment, *, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
        """The bytes, in chunks of that size but the last."""
        ...

    def remove(self, blobs: Sequence[str]) -> None:
        """Remove blobs, those that are there."""
        ...

    def abandon(self, blob: str) -> None:
        """Have a blob of this epoch removed that the index never knew; at once, it may happen later."""
        ...

    def begin_epoch(self) -> None:
        """Give new blobs another beginning of their names, so that all that is there now can be swept."""
        ...

    def ended(self) -> Iterator[str]:
        """The ended epochs that may be swept now; asked in every sweep, to the end when it succeeds."""
        ...

    def blobs_of(self, epoch: str) -> Iterator[str]:
        """The blobs of an ended epoch."""
        ...

    def close(self) -> None:
        """Release what it holds; nothing is going on any more."""
        ...
