"""`BlobStore` in files: ``<epoch>/<2 hex>/<random>`` is the name of a blob and of its file.

A file is written in place and synced with its folder before the index mentions it.
"""

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from sagesse.core import fault
from sagesse.core.body import FileSlice, read_slice
from sagesse.core.folder import make_folder, sync_folder
from sagesse.engines.objects._schema import Segment

MAX_CHUNKS = 1024  # the kernel takes no more at once


class BlobFolder:
    """See `BlobStore`.

    Args:
        folder: created if missing.
        durable: False skips fsync.
    """

    threads = 8
    has_slots = True

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self.folder = folder
        self.durable = durable
        self._made: set[Path] = set()
        self._guard = threading.Lock()
        make_folder(folder, durable=durable)
        self.epoch = self._next_epoch()

    def new_id(self) -> str:
        """See `BlobStore.new_id`."""
        token = secrets.token_hex(16)
        return f"{self.epoch}/{token[:2]}/{token[2:]}"

    def path(self, blob: str) -> Path:
        """Where the blob is."""
        return self.folder / blob

    def writer(self, blob: str, *, offset: int | None = None) -> "FileWriter":
        """See `BlobStore.writer`."""
        path = self.path(blob)
        self._make(path.parent)
        return FileWriter(path, durable=self.durable, slot=offset)

    def find_file(self, piece: Segment) -> FileSlice:
        """See `BlobStore.find_file`."""
        return FileSlice(self.path(piece.blob), piece.offset, piece.size_bytes)

    def read(self, piece: Segment, *, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
        """See `BlobStore.read`."""
        return read_slice(self.find_file(piece), chunk_bytes=chunk_bytes)

    def remove(self, blobs: Sequence[str]) -> None:
        """See `BlobStore.remove`. They stay removed when the power goes: nobody will look for them again."""
        for blob in blobs:
            self.abandon(blob)
        if self.durable:
            for folder in {self.path(blob).parent for blob in blobs}:
                with contextlib.suppress(FileNotFoundError):
                    sync_folder(folder)

    def abandon(self, blob: str) -> None:
        """See `BlobStore.abandon`."""
        self.path(blob).unlink(missing_ok=True)

    def begin_epoch(self) -> None:
        """See `BlobStore.begin_epoch`."""
        self.epoch = self._next_epoch()

    def ended(self) -> Iterator[str]:
        """See `BlobStore.ended`."""
        return iter([child.name for child in self.folder.iterdir() if child.name != self.epoch])

    def blobs_of(self, epoch: str) -> Iterator[str]:
        """See `BlobStore.blobs_of`."""
        for file in (self.folder / epoch).glob("*/*"):
            yield f"{epoch}/{file.parent.name}/{file.name}"

    def close(self) -> None:
        """See `BlobStore.close`."""

    def _next_epoch(self) -> str:
        return f"{time.time_ns() // 1000:x}{secrets.token_hex(2)}"

    def _make(self, folder: Path) -> None:
        if folder in self._made:
            return
        with self._guard:
            make_folder(folder, durable=self.durable)
            self._made.add(folder)


class FileWriter:
    """See `BlobWriter`."""

    def __init__(self, path: Path, *, durable: bool, slot: int | None = None) -> None:
        self._path = path
        self._durable = durable
        self._is_slot = slot is not None
        self._start = self._position = slot or 0
        self._guard = threading.Lock()
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | (0 if self._is_slot else os.O_EXCL)
        self._file = os.open(path, flags, 0o600)

    def write(self, chunks: Sequence[bytes]) -> None:
        """See `BlobWriter.write`."""
        with self._guard:
            left = sum(map(len, chunks))
            if self._file < 0 or not left:
                return
            with self._told():
                self._append(chunks, left)

    def read(self, offset: int, size_bytes: int) -> Iterator[bytes]:
        """See `BlobWriter.read`."""
        return read_slice(FileSlice(self._path, self._start + offset, size_bytes))

    def commit(self) -> None:
        """See `BlobWriter.commit`: the bytes and the file's name are on disk."""
        with self._guard:
            if self._durable and self._file >= 0:
                with self._told():
                    os.fdatasync(self._file)
                    sync_folder(self._path.parent)
            self._close()

    def discard(self) -> None:
        """See `BlobWriter.discard`: a file of its own is removed, a slot stays unused."""
        with self._guard:
            self._close()
            if not self._is_slot:
                self._path.unlink(missing_ok=True)

    def _append(self, chunks: Sequence[bytes], left: int) -> None:
        written = os.pwritev(self._file, chunks, self._position)
        self._position += written
        rest = b"".join(chunks)[written:] if written < left else b""
        while rest:  # interrupted by a signal, or the disk is filling up
            written = os.pwrite(self._file, rest, self._position)
            self._position += written
            rest = rest[written:]

    @contextlib.contextmanager
    def _told(self) -> Generator[None]:
        """What the disk refuses says where."""
        try:
            yield
        except OSError as error:
            fault.at(error, self._path.parents[2])
            raise

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
