"""The outbox of a store: messages written in one transaction with what they are about, until the bus has them.

After a crash there is neither a message without its change nor a change without its message.
"""

import sqlite3
from collections.abc import Callable, Iterable
from typing import Protocol

from sagesse.core.event import Message, Packed, pack
from sagesse.core.sqlite import Database

OUTBOX_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS outbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, service TEXT NOT NULL, source TEXT NOT NULL,
        body BLOB NOT NULL)""",
)


class Outbox(Protocol):
    """What a store has to tell, in the order of its commits. Numbers grow and are never given twice."""

    def waiting(self, limit: int) -> list[tuple[int, Packed]]:
        """The oldest messages with their numbers."""
        ...

    def forget(self, through: int) -> None:
        """Drop what has a number up to `through`.

        It leaves the disk with the next messages that come, or by `clean`: after a crash it may wait once more.
        """
        ...

    def clean(self) -> None:
        """See that what was forgotten is off the disk."""
        ...

    def watch(self, wake: Callable[[], None]) -> None:
        """Have `wake` called, from any thread, after each commit that added something; it must be quick."""
        ...


class SqliteOutbox:
    """See `Outbox`. The database it is in has `OUTBOX_SCHEMA`.

    Args:
        database: where the store writes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._has_new = False
        self._forgotten = 0
        self._wake: Callable[[], None] | None = None
        database.watch(self._settle)

    def add(self, connection: sqlite3.Connection, messages: Iterable[Message]) -> None:
        """Add messages inside a transaction of the database's writer."""
        self._drop(connection)
        for message in messages:
            connection.execute(
                "INSERT INTO outbox (id, service, source, body) VALUES (?,?,?,?)", pack(message)
            )
            self._has_new = True

    def next_number(self, connection: sqlite3.Connection) -> int:
        """The number the next message will have; grows with every message there ever was."""
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name='outbox'").fetchone()
        return 1 if row is None else row[0] + 1

    def waiting(self, limit: int) -> list[tuple[int, Packed]]:
        """See `Outbox.waiting`."""
        rows = self._database.reader.execute(
            "SELECT number, id, service, source, body FROM outbox WHERE number > ? ORDER BY number LIMIT ?",
            (self._forgotten, limit),
        )
        return [(number, Packed(*rest)) for number, *rest in rows]

    def forget(self, through: int) -> None:
        """See `Outbox.forget`."""
        self._forgotten = through

    def clean(self) -> None:
        """See `Outbox.clean`."""
        self._database.write(self._drop)

    def watch(self, wake: Callable[[], None]) -> None:
        """See `Outbox.watch`."""
        self._wake = wake

    def _settle(self) -> None:
        """A group of writes was committed."""
        if self._has_new:
            self._has_new = False
            if self._wake is not None:
                self._wake()

    def _drop(self, connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM outbox WHERE number <= ?", (self._forgotten,))
