"""Removes blobs nothing refers to: replaced ones after a grace period, and what a crash left behind."""

import contextlib
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from sagesse.core.clock import Clock
from sagesse.core.error import ServiceError
from sagesse.core.sqlite import Database
from sagesse.engines.objects._blob_store import BlobStore
from sagesse.engines.objects.reserve import Reserve

_BATCH = 1000
T = TypeVar("T")


class Sweeper:
    """Sweeps in a thread of its own, every `grace_s` / 2 seconds.

    A blob that no row holds stays for `grace_s`, because a reader may have been told its path just before; a reader
    that needs it for longer pins it.
    """

    def __init__(
        self, database: Database, blobs: BlobStore, *, clock: Clock, grace_s: float, reserve: Reserve
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._grace_s = grace_s
        self._reserve = reserve
        self._pins: Counter[str] = Counter()
        self._guard = threading.Lock()
        self._signal = threading.Event()
        self._is_closing = False
        self._thread = threading.Thread(target=self._sweep_forever, name="object-sweeper", daemon=True)

    def start(self) -> None:
        """Begin. What is unused from before waits for its grace period to end, too."""
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._is_closing = True
        self._signal.set()
        self._thread.join()

    @contextmanager
    def pinned(self, blobs: tuple[str, ...]) -> Generator[None]:
        """Keep these blobs while the block runs."""
        with self._guard:
            self._pins.update(blobs)
        try:
            yield
        finally:
            with self._guard:
                self._pins.subtract(blobs)

    def sweep(self) -> None:
        """Remove what is due now: unused blobs past their grace period and those of ended epochs nobody knows."""
        self._sweep_unused(self._clock.now() - self._grace_s)
        for epoch in self._blobs.ended():
            self._sweep_epoch(epoch)

    def _sweep_forever(self) -> None:
        while not self._is_closing:
            # A full or broken disk, or the place of the blobs does not answer: tried again later.
            with contextlib.suppress(OSError, sqlite3.Error, ServiceError):
                self.sweep()
            self._signal.wait(max(self._grace_s / 2, 1))
            self._signal.clear()

    def _sweep_unused(self, before: float) -> None:
        with self._guard:
            pinned = {blob for blob, count in self._pins.items() if count > 0}
        while doomed := self._write(lambda connection: _doom(connection, before, pinned)):
            self._blobs.remove(doomed)
            self._write(lambda connection: _bury(connection, doomed))

    def _sweep_epoch(self, epoch: str) -> None:
        reader = self._database.reader
        if reader.execute("SELECT 1 FROM epoch WHERE name=?", (epoch,)).fetchone():
            return
        blobs = self._blobs.blobs_of(epoch)
        while batch := list(islice(blobs, _BATCH)):
            if self._is_closing:
                return
            self._blobs.remove([blob for blob in batch if not self._is_known(blob)])
        self._write(lambda connection: connection.execute("INSERT OR IGNORE INTO epoch VALUES (?)", (epoch,)))

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What frees space may take the last of it."""
        try:
            return self._database.write(work)
        except sqlite3.Error as failure:
            if not self._reserve.release_for(failure):
                raise
        return self._database.write(work)

    def _is_known(self, blob: str) -> bool:
        found = self._database.reader.execute("SELECT 1 FROM blob WHERE id=?", (blob,))
        return found.fetchone() is not None


def _doom(connection: sqlite3.Connection, before: float, pinned: set[str]) -> list[str]:
    """Take unused blobs out of reach: from here on nobody can hold them again."""
    rows = connection.execute(
        "SELECT id FROM blob WHERE refs <= 0 AND unused_since < ? ORDER BY unused_since LIMIT ?",
        (before, _BATCH + len(pinned)),
    ).fetchall()
    doomed = [row[0] for row in rows if row[0] not in pinned]
    connection.executemany("UPDATE blob SET refs=-1 WHERE id=?", [(blob,) for blob in doomed])
    return doomed


def _bury(connection: sqlite3.Connection, doomed: list[str]) -> None:
    connection.executemany("DELETE FROM blob WHERE id=? AND refs < 0", [(blob,) for blob in doomed])
