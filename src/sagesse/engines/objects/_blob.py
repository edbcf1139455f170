"""The files of large objects.

Every start of a store opens an epoch, a folder of its own: ``<epoch>/<2 hex>/<random>`` is the name of a blob. A file
is written in place and synced with its folder before the index mentions it, so a crash leaves at most files of an
ended epoch that the index does not know; those are swept without a look at what is being written now.
"""

import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sagesse.core.body import FileSlice, read_slice

MAX_CHUNKS = 1024  # the kernel takes no more at once


class BlobFolder:
    """The blobs under a folder.

    Args:
        folder: created if missing.
        durable: False skips fsync.
    """

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self.folder = folder
        self.durable = durable
        self._made: set[Path] = set()
        self._guard = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self.epoch = self._next_epoch()

    def new_id(self) -> str:
        """A name for a new blob; touches no file."""
        token = secrets.token_hex(16)
        return f"{self.epoch}/{token[:2]}/{token[2:]}"

    def path(self, blob: str) -> Path:
        """Where the blob is."""
        return self.folder / blob

    def writer(self, blob: str, *, offset: int | None = None) -> "BlobWriter":
        """A writer of a new blob, or of the slot at `offset` of a shared one."""
        path = self.path(blob)
        self._make(path.parent)
        return BlobWriter(path, durable=self.durable, slot=offset)

    def remove(self, blob: str) -> None:
        """Remove the file, if it is there."""
        self.path(blob).unlink(missing_ok=True)

    def begin_epoch(self) -> None:
        """Put new blobs in a fresh folder, so that all that is there now can be swept."""
        self.epoch = self._next_epoch()

    def ended(self) -> Iterator[Path]:
        """The folders of ended epochs."""
        return (child for child in self.folder.iterdir() if child.name != self.epoch)

    def _next_epoch(self) -> str:
        return f"{time.time_ns() // 1000:x}{secrets.token_hex(2)}"

    def _make(self, folder: Path) -> None:
        if folder in self._made:
            return
        with self._guard:
            for child in (folder.parent, folder):
                if not child.is_dir():
                    child.mkdir(exist_ok=True)
                    self._sync(child.parent)
            self._made.add(folder)

    def _sync(self, folder: Path) -> None:
        if self.durable:
            sync_folder(folder)


class BlobWriter:
    """Writes one blob, or one slot of a shared blob; for threads, one call at a time.

    `discard` may come while another thread still writes: it waits for it.
    """

    def __init__(self, path: Path, *, durable: bool, slot: int | None = None) -> None:
        self._path = path
        self._durable = durable
        self._is_slot = slot is not None
        self._start = self._position = slot or 0
        self._guard = threading.Lock()
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (0 if self._is_slot else os.O_EXCL)
        self._file = os.open(path, flags, 0o600)

    def write(self, chunks: Sequence[bytes]) -> None:
        """Append the chunks, at most `MAX_CHUNKS`; nothing after `discard`."""
        with self._guard:
            left = sum(map(len, chunks))
            if self._file < 0 or not left:
                return
            written = os.pwritev(self._file, chunks, self._position)
            self._position += written
            rest = b"".join(chunks)[written:] if written < left else b""
            while rest:  # interrupted by a signal, or the disk is filling up
                written = os.pwrite(self._file, rest, self._position)
                self._position += written
                rest = rest[written:]

    def written(self) -> Iterator[bytes]:
        """What was written, in chunks."""
        return read_slice(self.place())

    def place(self) -> FileSlice:
        """Where what was written is."""
        return FileSlice(self._path, self._start, self._position - self._start)

    def commit(self) -> None:
        """Have the bytes and the file's name on disk."""
        with self._guard:
            if self._durable:
                os.fdatasync(self._file)
                sync_folder(self._path.parent)
            self._close()

    def discard(self) -> None:
        """Give up: a file of its own is removed, a slot stays unused."""
        with self._guard:
            self._close()
            if not self._is_slot:
                self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
