"""Removes files nothing refers to: replaced ones after a grace period, and what a crash left behind."""

import contextlib
import sqlite3
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sagesse.core.clock import Clock
from sagesse.core.sqlite import Database
from sagesse.engines.objects._blob import BlobFolder

_BATCH = 1000


class Sweeper:
    """Sweeps in a thread of its own, every `grace_s` / 2 seconds.

    A blob that no row holds stays for `grace_s`, because a reader may have been told its path just before; a reader
    that needs it for longer pins it.
    """

    def __init__(self, database: Database, blobs: BlobFolder, *, clock: Clock, grace_s: float) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock
        self._grace_s = grace_s
        self._pins: Counter[str] = Counter()
        self._guard = threading.Lock()
        self._signal = threading.Event()
        self._is_closing = False
        self._thread = threading.Thread(target=self._sweep_forever, name="object-sweeper", daemon=True)

    def start(self) -> None:
        """Begin; everything unused from before is removed first, nobody reads it any more."""
        self._sweep_unused(self._clock.now() + 1)
        self._thread.start()

    def close(self) -> None:
        """Stop."""
        self._is_closing = True
        self._signal.set()
        self._thread.join()

    @contextmanager
    def pinned(self, blobs: tuple[str, ...]) -> Generator[None]:
        """Keep these blobs' files while the block runs."""
        with self._guard:
            self._pins.update(blobs)
        try:
            yield
        finally:
            with self._guard:
                self._pins.subtract(blobs)

    def sweep(self) -> None:
        """Remove what is due now: unused blobs past their grace period and files of ended epochs nobody knows."""
        self._sweep_unused(self._clock.now() - self._grace_s)
        for folder in list(self._blobs.ended()):
            self._sweep_epoch(folder)

    def _sweep_forever(self) -> None:
        while not self._is_closing:
            with contextlib.suppress(OSError, sqlite3.Error):  # a full or broken disk: tried again later
                self.sweep()
            self._signal.wait(max(self._grace_s / 2, 1))
            self._signal.clear()

    def _sweep_unused(self, before: float) -> None:
        with self._guard:
            pinned = {blob for blob, count in self._pins.items() if count > 0}
        while doomed := self._database.write(lambda connection: _doom(connection, before, pinned)):
            for blob in doomed:
                self._blobs.remove(blob)
            self._database.write(lambda connection: _bury(connection, doomed))

    def _sweep_epoch(self, folder: Path) -> None:
        reader = self._database.reader
        if reader.execute("SELECT 1 FROM epoch WHERE name=?", (folder.name,)).fetchone():
            return
        for file in folder.glob("*/*"):
            blob = f"{folder.name}/{file.parent.name}/{file.name}"
            if self._is_closing:
                return
            if reader.execute("SELECT 1 FROM blob WHERE id=?", (blob,)).fetchone() is None:
                file.unlink(missing_ok=True)
        self._database.write(
            lambda connection: connection.execute("INSERT OR IGNORE INTO epoch VALUES (?)", (folder.name,))
        )


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
