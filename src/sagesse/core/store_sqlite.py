"""`Store` on SQLite: one table of records, found by key, by ARN and in four orders."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import msgspec

from sagesse.core.event import Event
from sagesse.core.outbox import OUTBOX_SCHEMA, Outbox, SqliteOutbox
from sagesse.core.record import AlreadyExists, Change, Key, Listing, Record, Token, Told
from sagesse.core.record_cache import RecordCache, Stamp
from sagesse.core.scope import Scope
from sagesse.core.sqlite import Database

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS record (
        kind TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
        arn TEXT NOT NULL UNIQUE, status TEXT NOT NULL, created REAL NOT NULL, modified REAL NOT NULL,
        is_open INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (kind, account, region, name)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS record_created ON record (kind, account, region, created, name)",
    "CREATE INDEX IF NOT EXISTS record_modified ON record (kind, account, region, modified, name)",
    "CREATE INDEX IF NOT EXISTS record_status ON record (kind, account, region, status, name)",
    "CREATE INDEX IF NOT EXISTS record_open ON record (is_open) WHERE is_open",
    """CREATE TABLE IF NOT EXISTS token (
        owner TEXT NOT NULL, token TEXT NOT NULL, digest BLOB NOT NULL, answer BLOB NOT NULL,
        expires REAL NOT NULL, PRIMARY KEY (owner, token)) WITHOUT ROWID""",
    *OUTBOX_SCHEMA,
)
_WHERE_KEY = "WHERE kind=? AND account=? AND region=? AND name=?"
_VALUES = "VALUES (?,?,?,?,?,?,?,?,?,?)"
_AMEND = f"UPDATE record SET modified=?, body=? {_WHERE_KEY}"  # leaves the other indexes alone
_Written: TypeAlias = list[tuple[Key, Stamp, bytes]]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


class SqliteStore:
    """Records in one SQLite file.

    Args:
        path: the file.
        durable: False skips fsync (``--ephemeral``).
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self._database = Database(path, _SCHEMA, durable=durable)
        self._outbox = SqliteOutbox(self._database)
        self._cache = RecordCache(self._database)

    @property
    def outbox(self) -> Outbox:
        """See `Store.outbox`."""
        return self._outbox

    def get(self, key: Key) -> Record | None:
        """See `Store.get`."""
        body = self._cache.read(key, lambda: _body(self._database.reader, key))
        return _decode(body) if body is not None else None

    def by_arn(self, arn: str) -> Record | None:
        """See `Store.by_arn`."""
        row = self._database.reader.execute("SELECT body FROM record WHERE arn=?", (arn,)).fetchone()
        return _decode(row[0]) if row else None

    def list(self, kind: str, scope: Scope, listing: Listing) -> list[Record]:
        """See `Store.list`."""
        where, values = _conditions(listing)
        way = "DESC" if listing.is_descending else "ASC"
        order = f"name {way}" if listing.sort == "name" else f"{listing.sort} {way}, name {way}"
        rows = self._database.reader.execute(
            f"SELECT body FROM record WHERE kind=? AND account=? AND region=?{where} ORDER BY {order} LIMIT ?",
            (kind, *scope, *values, listing.limit),
        )
        return [_decode(row[0]) for row in rows]

    def open_keys(self) -> Iterator[Key]:
        """See `Store.open_keys`."""
        rows = self._database.reader.execute("SELECT kind, account, region, name FROM record WHERE is_open=1")
        return iter([Key(*row) for row in rows.fetchall()])

    def insert(self, record: Record, event: Event | None = None) -> Record:
        """See `Store.insert`."""
        key, body = record.key, _encode(record)

        def work(connection: sqlite3.Connection) -> Stamp:
            try:
                connection.execute(f"INSERT INTO record {_VALUES}", _row(record, body))
            except sqlite3.IntegrityError as clash:
                raise AlreadyExists(_rival(connection, record)) from clash
            self._tell(connection, event)
            return self._cache.changes(key)

        self._cache.changed(key, self._database.write(work), body)
        return record

    def update(self, key: Key, change: Change) -> Record | None:
        """See `Store.update`."""
        written: _Written = []
        record = self._database.write(lambda connection: self._change(connection, key, change, written))
        for entry in written:
            self._cache.changed(*entry)
        return record

    def delete(self, key: Key, check: Callable[[Record], Event | None] | None = None) -> Record | None:
        """See `Store.delete`."""

        def work(connection: sqlite3.Connection) -> Record | None:
            current = self._fetch(connection, key)
            if current is None:
                return None
            if check is not None:
                self._tell(connection, check(current))
            self._cache.changes(key)
            connection.execute(f"DELETE FROM record {_WHERE_KEY}", key)
            return current

        return self._database.write(work)

    def find_token(self, owner: str, token: str) -> Token | None:
        """See `Store.find_token`."""
        row = self._database.reader.execute(
            "SELECT digest, answer FROM token WHERE owner=? AND token=?", (owner, token)
        ).fetchone()
        return Token(*row) if row else None

    def save_token(self, owner: str, token: str, used: Token, *, expires: float) -> None:
        """See `Store.save_token`."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM token WHERE expires < ?", (expires - 86_400 * 7,))
            connection.execute(
                "INSERT OR REPLACE INTO token VALUES (?,?,?,?,?)", (owner, token, *used, expires)
            )

        self._database.write(work)

    def wipe(self) -> None:
        """See `Store.wipe`."""

        def work(connection: sqlite3.Connection) -> None:
            self._cache.all_change()
            connection.execute("DELETE FROM record")
            connection.execute("DELETE FROM token")
            connection.execute("DELETE FROM outbox")

        self._database.write(work)

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()

    def _fetch(self, connection: sqlite3.Connection, key: Key) -> Record | None:
        """The record inside a transaction, which may have changed it already."""
        body = self._cache.find(key) or _body(connection, key)
        return _decode(body) if body is not None else None

    def _change(
        self,
        connection: sqlite3.Connection,
        key: Key,
        change: Change,
        written: _Written,
    ) -> Record | None:
        """Apply a change inside a transaction; `written` grows by each record as it is stored."""
        current = self._fetch(connection, key)
        if current is None:
            return None
        before = _columns(current)
        changed = change(current)
        if changed is None:
            return None
        if isinstance(changed, Told):
            changed, events, others = changed
            self._outbox.add(connection, events)
            for other, its_change in others:
                self._change(connection, other, its_change, written)
        changed.version += 1
        body = _encode(changed)
        if _columns(changed) == before:
            connection.execute(_AMEND, (changed.modified, body, *key))
        else:
            _save(connection, changed, body)
        written.append((key, self._cache.changes(key), body))
        return changed

    def _tell(self, connection: sqlite3.Connection, event: Event | None) -> None:
        if event is not None:
            self._outbox.add(connection, (event,))


def _body(connection: sqlite3.Connection, key: Key) -> bytes | None:
    row = connection.execute(f"SELECT body FROM record {_WHERE_KEY}", key).fetchone()
    return row[0] if row else None


def _columns(record: Record) -> tuple[object, ...]:
    """What the table shows of a record beside its key and when it was modified."""
    return (record.arn, record.status, record.created, record.is_open)


def _rival(connection: sqlite3.Connection, record: Record) -> Record:
    """The record that has the key of a new one, or its ARN: names that differ by case may have one ARN."""
    query = f"SELECT body FROM record {_WHERE_KEY} UNION ALL SELECT body FROM record WHERE arn=?"
    return _decode(connection.execute(query, (*record.key, record.arn)).fetchone()[0])


def _save(connection: sqlite3.Connection, record: Record, body: bytes) -> None:
    connection.execute(f"INSERT OR REPLACE INTO record {_VALUES}", _row(record, body))


def _row(record: Record, body: bytes) -> tuple[object, ...]:
    return (*record.key, record.arn, record.status, record.created, record.modified, record.is_open, body)


def _conditions(listing: Listing) -> tuple[str, list[str | float]]:
    """The filters of a listing as SQL and its values."""
    parts: list[str] = []
    values: list[str | float] = []

    def add(condition: str, *arguments: str | float | None) -> None:
        if None not in arguments:
            parts.append(f" AND {condition}")
            values.extend(value for value in arguments if value is not None)

    add("instr(name, ?) > 0", listing.name_contains)
    add("name = ? COLLATE NOCASE", listing.name_ignoring_case)
    add("status = ?", listing.status)
    add("created > ?", listing.created_after)
    add("created < ?", listing.created_before)
    add("modified > ?", listing.modified_after)
    add("modified < ?", listing.modified_before)
    if listing.after is not None:
        sign = "<" if listing.is_descending else ">"
        value, name = listing.after
        if listing.sort == "name":
            add(f"name {sign} ?", name)
        else:
            add(f"({listing.sort}, name) {sign} (?, ?)", value, name)
    return "".join(parts), values
