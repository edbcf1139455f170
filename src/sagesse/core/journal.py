"""The journal: every message of the bus in one order, and how far each subscriber has come.

A message is in it once, whatever crashed on its way: the second of the same id is dropped.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sagesse.core.clock import Clock
from sagesse.core.event import Message, Packed
from sagesse.core.sqlite import Database

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS entry (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, id TEXT NOT NULL UNIQUE,
        service TEXT NOT NULL, source TEXT NOT NULL, body BLOB NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS entry_service ON entry (service, sequence)",
    "CREATE INDEX IF NOT EXISTS entry_source ON entry (source, sequence)",
    "CREATE TABLE IF NOT EXISTS position (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID",
)
_COLUMNS = "sequence, id, service, source, body"


class Entry(NamedTuple):
    """A message with its place in the order."""

    sequence: int
    message: Message


class Journal:
    """Messages and positions in one SQLite file.

    Args:
        path: the file.
        clock: the time, for how old messages are.
        durable: False skips fsync (``--ephemeral``).
        kept_s: events older than this are dropped, and delivered deliveries.
        kept: so many of either kind are kept at most, the newest.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        durable: bool = True,
        kept_s: float = 7 * 86_400,
        kept: int = 100_000,
    ) -> None:
        self._database = Database(path, _SCHEMA, durable=durable)
        self._clock = clock
        self._kept_s = kept_s
        self._kept = kept

    @property
    def last(self) -> int:
        """The sequence of the newest message there ever was; 0 before the first."""
        row = self._database.reader.execute("SELECT seq FROM sqlite_sequence WHERE name='entry'").fetchone()
        return 0 if row is None else row[0]

    def append(self, messages: Iterable[Packed]) -> None:
        """Add messages in their order; those it has already are left out."""
        now, rows = self._clock.now(), list(messages)

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT OR IGNORE INTO entry (at, id, service, source, body) VALUES (?,?,?,?,?)",
                [(now, *row) for row in rows],
            )

        self._database.write(work)

    def entries(
        self, *, after: int, limit: int, service: str | None = None, source: str | None = None
    ) -> list[Entry]:
        """Messages behind `after`, in order.

        Args:
            service: only those addressed to destinations of that service; empty: only events.
            source: only those of that source.
        """
        where, values = _conditions(service, source)
        rows = self._database.reader.execute(
            f"SELECT {_COLUMNS} FROM entry WHERE sequence > ?{where} ORDER BY sequence LIMIT ?",
            (after, *values, limit),
        )
        return [_entry(row) for row in rows]

    def newest(self, limit: int, *, source: str | None = None) -> list[Entry]:
        """The newest messages, in order."""
        where, values = _conditions(None, source)
        rows = self._database.reader.execute(
            f"SELECT {_COLUMNS} FROM entry WHERE 1{where} ORDER BY sequence DESC LIMIT ?", (*values, limit)
        )
        return [_entry(row) for row in rows][::-1]

    def position(self, name: str) -> int | None:
        """The sequence of the last message that subscriber has dealt with; None before its first time."""
        row = self._database.reader.execute("SELECT sequence FROM position WHERE name=?", (name,)).fetchone()
        return None if row is None else row[0]

    def move(self, name: str, sequence: int) -> None:
        """Note that the subscriber has dealt with everything up to `sequence`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO position VALUES (?,?)", (name, sequence))

        self._database.write(work)

    def sweep(self, done: Mapping[str, int]) -> None:
        """Drop what is too old or too many.

        Args:
            done: by service (empty: events) up to where everybody has had the messages; those of other services stay.
        """
        before = self._clock.now() - self._kept_s

        def work(connection: sqlite3.Connection) -> None:
            for service, through in done.items():
                connection.execute(
                    """DELETE FROM entry WHERE service = ?1 AND sequence <= ?2 AND (at < ?3 OR sequence <= (
                        SELECT sequence FROM entry WHERE service = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?4))""",
                    (service, through, before, self._kept),
                )

        self._database.write(work)

    def wipe(self) -> None:
        """Remove every message; the order goes on from where it was, and so do positions."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM entry")

        self._database.write(work)

    def close(self) -> None:
        """Finish and release the file."""
        self._database.close()


def _conditions(service: str | None, source: str | None) -> tuple[str, list[str]]:
    asked = {"service": service, "source": source}
    given = {column: value for column, value in asked.items() if value is not None}
    return "".join(f" AND {column} = ?" for column in given), list(given.values())


def _entry(row: Sequence[object]) -> Entry:
    sequence, *packed = row
    return Entry(sequence, Packed(*packed).message)  # pyright: ignore[reportArgumentType] - our own columns
