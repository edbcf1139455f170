"""`LogStore` in one SQLite file.

Events lie in one table in their reading order (stream, timestamp, arrival), so a page is one range scan; a
stream's counters change in the transaction that adds its events.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import orjson

from sagesse.core.clock import Clock, SystemClock
from sagesse.core.scope import Scope
from sagesse.core.sqlite import Database
from sagesse.engines.streams.log import (
    EVERYTHING,
    AlreadyThere,
    GroupMissing,
    LogEvent,
    LogGroup,
    LogStream,
    Query,
    SearchPage,
    StoredEvent,
    StreamMissing,
)
from sagesse.engines.streams.log_scan import Scan, read_rows, search_rows
from sagesse.engines.streams.log_sweep import grow_group, sweep_step

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS log_group (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
        created INTEGER NOT NULL, retention INTEGER, tags BLOB NOT NULL, bytes INTEGER NOT NULL DEFAULT 0,
        UNIQUE (account, region, name))""",
    """CREATE TABLE IF NOT EXISTS stream (
        id INTEGER PRIMARY KEY AUTOINCREMENT, log_group INTEGER NOT NULL, name TEXT NOT NULL,
        created INTEGER NOT NULL, first INTEGER, last INTEGER, ingested INTEGER,
        bytes INTEGER NOT NULL DEFAULT 0, source_offset INTEGER NOT NULL DEFAULT 0, UNIQUE (log_group, name))""",
    """CREATE TABLE IF NOT EXISTS event (
        stream INTEGER NOT NULL, timestamp INTEGER NOT NULL, id INTEGER NOT NULL, ingested INTEGER NOT NULL,
        message TEXT NOT NULL, PRIMARY KEY (stream, timestamp, id)) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS garbage (stream INTEGER PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL)",
    "INSERT OR IGNORE INTO counter VALUES (1, 0)",
)
_DAY_MS = 86_400_000
_TABLES = ("event", "stream", "log_group", "garbage")
_GROUP = "SELECT name, created, retention, tags, bytes FROM log_group"
_STREAM = "SELECT name, created, first, last, ingested, bytes, source_offset FROM stream"


class SqliteLogStore:
    """Log events in one SQLite file.

    Args:
        path: the file.
        clock: stamps arrival and decides what has expired.
        durable: False skips fsync (``--ephemeral``).
    """

    def __init__(self, path: Path, *, clock: Clock | None = None, durable: bool = True) -> None:
        self._database = Database(path, _SCHEMA, durable=durable)
        self._clock = clock or SystemClock()

    def create_group(self, scope: Scope, group: str, *, tags: Mapping[str, str] | None = None) -> None:
        """See `LogStore.create_group`."""
        now = self._now()

        def work(connection: sqlite3.Connection) -> None:
            try:
                _insert_group(connection, scope, group, now=now, tags=tags or {})
            except sqlite3.IntegrityError as clash:
                raise AlreadyThere(group) from clash

        self._database.write(work)

    def create_stream(self, scope: Scope, group: str, stream: str) -> None:
        """See `LogStore.create_stream`."""
        now = self._now()

        def work(connection: sqlite3.Connection) -> None:
            try:
                _insert_stream(connection, _group_id(connection, scope, group), stream, now=now)
            except sqlite3.IntegrityError as clash:
                raise AlreadyThere(stream) from clash

        self._database.write(work)

    def ensure_stream(self, scope: Scope, group: str, stream: str) -> None:
        """See `LogStore.ensure_stream`."""
        if self.stream(scope, group, stream) is not None:
            return
        now = self._now()

        self._database.write(lambda connection: _ensure_stream(connection, scope, group, stream, now=now))

    def delete_group(self, scope: Scope, group: str) -> bool:
        """See `LogStore.delete_group`."""

        def work(connection: sqlite3.Connection) -> bool:
            try:
                owner = _group_id(connection, scope, group)
            except GroupMissing:
                return False
            connection.execute("INSERT INTO garbage SELECT id FROM stream WHERE log_group=?", (owner,))
            connection.execute("DELETE FROM stream WHERE log_group=?", (owner,))
            connection.execute("DELETE FROM log_group WHERE id=?", (owner,))
            return True

        return self._database.write(work)

    def delete_stream(self, scope: Scope, group: str, stream: str) -> bool:
        """See `LogStore.delete_stream`."""

        def work(connection: sqlite3.Connection) -> bool:
            try:
                stream_id = _stream_id(connection, scope, group, stream)
            except (GroupMissing, StreamMissing):
                return False
            connection.execute("INSERT INTO garbage VALUES (?)", (stream_id,))
            size: int = connection.execute("SELECT bytes FROM stream WHERE id=?", (stream_id,)).fetchone()[0]
            grow_group(connection, stream_id, -size)
            connection.execute("DELETE FROM stream WHERE id=?", (stream_id,))
            return True

        return self._database.write(work)

    def amend_group(
        self, scope: Scope, group: str, change: Callable[[LogGroup], LogGroup]
    ) -> LogGroup | None:
        """See `LogStore.amend_group`."""

        def work(connection: sqlite3.Connection) -> LogGroup | None:
            current = _find_group(connection, scope, group)
            if current is None:
                return None
            changed = change(current)
            connection.execute(
                "UPDATE log_group SET retention=?, tags=? WHERE account=? AND region=? AND name=?",
                (changed.retention_days, orjson.dumps(changed.tags), *scope, group),
            )
            return changed

        return self._database.write(work)

    def group(self, scope: Scope, group: str) -> LogGroup | None:
        """See `LogStore.group`."""
        return _find_group(self._database.reader, scope, group)

    def groups(
        self, scope: Scope, *, prefix: str = "", contains: str = "", after: str = "", limit: int
    ) -> list[LogGroup]:
        """See `LogStore.groups`."""
        rows = self._database.reader.execute(
            f"""{_GROUP} WHERE account=? AND region=? AND name > ? AND name >= ? AND name < ?
                AND instr(name, ?) > 0 ORDER BY name LIMIT ?""",
            (*scope, after, prefix, _prefix_end(prefix), contains, limit),
        )
        return [_as_group(row) for row in rows]

    def stream(self, scope: Scope, group: str, stream: str) -> LogStream | None:
        """See `LogStore.stream`."""
        reader = self._database.reader
        try:
            return _find_stream(reader, _group_id(reader, scope, group), stream)
        except GroupMissing:
            return None

    def streams(self, scope: Scope, group: str, *, prefix: str = "") -> list[LogStream]:
        """See `LogStore.streams`."""
        reader = self._database.reader
        rows = reader.execute(
            f"{_STREAM} WHERE log_group=? AND name >= ? AND name < ? ORDER BY name",
            (_group_id(reader, scope, group), prefix, _prefix_end(prefix)),
        )
        return [_as_stream(row) for row in rows]

    def append(
        self,
        scope: Scope,
        group: str,
        stream: str,
        events: Iterable[LogEvent],
        *,
        source_offset: int | None = None,
        after_offset: int | None = None,
    ) -> bool:
        """See `LogStore.append`."""
        batch = list(events)
        now = self._now()

        def work(connection: sqlite3.Connection) -> bool:
            if after_offset == 0:
                _ensure_stream(connection, scope, group, stream, now=now)
            stream_id = _stream_id(connection, scope, group, stream)
            if after_offset is not None and _offset(connection, stream_id) != after_offset:
                return False
            _insert_events(connection, stream_id, batch, now=now)
            if source_offset is not None:
                connection.execute("UPDATE stream SET source_offset=? WHERE id=?", (source_offset, stream_id))
            return True

        return self._database.write(work)

    def source_offset(self, scope: Scope, group: str, stream: str) -> int:
        """See `LogStore.source_offset`."""
        found = self.stream(scope, group, stream)
        return found.source_offset if found else 0

    def read(self, scope: Scope, group: str, stream: str, query: Query = EVERYTHING) -> list[StoredEvent]:
        """See `LogStore.read`."""
        reader = self._database.reader
        scan = Scan(_stream_id(reader, scope, group, stream), stream)
        return read_rows(reader, scan, self._live(scope, group, query))

    def search(
        self,
        scope: Scope,
        group: str,
        streams: Sequence[str],
        matches: Callable[[str], bool],
        query: Query = EVERYTHING,
    ) -> SearchPage:
        """See `LogStore.search`."""
        reader = self._database.reader
        owner = _group_id(reader, scope, group)
        scans = [Scan(_id_in_group(reader, owner, name), name) for name in streams]
        return search_rows(reader, scans, matches, self._live(scope, group, query))

    def sweep(self) -> int:
        """See `LogStore.sweep`. Works in short transactions, so that writers pass between."""
        freed = 0
        while True:
            step = self._database.write(lambda connection: sweep_step(connection, self._now()))
            if step is None:
                return freed
            freed += step

    def wipe(self) -> None:
        """See `LogStore.wipe`."""

        def work(connection: sqlite3.Connection) -> None:
            for table in _TABLES:
                connection.execute(f"DELETE FROM {table}")

        self._database.write(work)

    def close(self) -> None:
        """See `LogStore.close`."""
        self._database.close()

    def _now(self) -> int:
        return int(self._clock.now() * 1000)

    def _live(self, scope: Scope, group: str, query: Query) -> Query:
        """`query` without what the group's retention no longer shows."""
        found = self.group(scope, group)
        if found is None or found.retention_days is None:
            return query
        oldest = self._now() - found.retention_days * _DAY_MS
        return query._replace(start=max(query.start or 0, oldest))


def _insert_group(
    connection: sqlite3.Connection, scope: Scope, group: str, *, now: int, tags: Mapping[str, str]
) -> None:
    connection.execute(
        "INSERT INTO log_group (account, region, name, created, tags) VALUES (?,?,?,?,?)",
        (*scope, group, now, orjson.dumps(tags)),
    )


def _ensure_stream(
    connection: sqlite3.Connection, scope: Scope, group: str, stream: str, *, now: int
) -> None:
    try:
        owner = _group_id(connection, scope, group)
    except GroupMissing:
        _insert_group(connection, scope, group, now=now, tags={})
        owner = _group_id(connection, scope, group)
    if _find_stream(connection, owner, stream) is None:
        _insert_stream(connection, owner, stream, now=now)


def _insert_stream(connection: sqlite3.Connection, owner: int, stream: str, *, now: int) -> None:
    connection.execute("INSERT INTO stream (log_group, name, created) VALUES (?,?,?)", (owner, stream, now))


def _insert_events(
    connection: sqlite3.Connection, stream_id: int, batch: Sequence[LogEvent], *, now: int
) -> None:
    if not batch:
        return
    last_id: int = connection.execute(
        "UPDATE counter SET value = value + ? RETURNING value", (len(batch),)
    ).fetchone()[0]
    first_id = last_id - len(batch) + 1
    connection.executemany(
        "INSERT INTO event VALUES (?,?,?,?,?)",
        [
            (stream_id, event.timestamp, number, now, event.message)
            for number, event in enumerate(batch, start=first_id)
        ],
    )
    times = [event.timestamp for event in batch]
    size = sum(event.size for event in batch)
    connection.execute(
        """UPDATE stream SET first = min(coalesce(first, ?1), ?1), last = max(coalesce(last, ?2), ?2),
            ingested = ?3, bytes = bytes + ?4 WHERE id = ?5""",
        (min(times), max(times), now, size, stream_id),
    )
    grow_group(connection, stream_id, size)


def _group_id(connection: sqlite3.Connection, scope: Scope, group: str) -> int:
    row = connection.execute(
        "SELECT id FROM log_group WHERE account=? AND region=? AND name=?", (*scope, group)
    ).fetchone()
    if row is None:
        raise GroupMissing(group)
    return row[0]


def _stream_id(connection: sqlite3.Connection, scope: Scope, group: str, stream: str) -> int:
    return _id_in_group(connection, _group_id(connection, scope, group), stream)


def _id_in_group(connection: sqlite3.Connection, owner: int, stream: str) -> int:
    row = connection.execute("SELECT id FROM stream WHERE log_group=? AND name=?", (owner, stream)).fetchone()
    if row is None:
        raise StreamMissing(stream)
    return row[0]


def _offset(connection: sqlite3.Connection, stream_id: int) -> int:
    return connection.execute("SELECT source_offset FROM stream WHERE id=?", (stream_id,)).fetchone()[0]


def _find_group(connection: sqlite3.Connection, scope: Scope, group: str) -> LogGroup | None:
    row = connection.execute(f"{_GROUP} WHERE account=? AND region=? AND name=?", (*scope, group)).fetchone()
    return _as_group(row) if row else None


def _find_stream(connection: sqlite3.Connection, owner: int, stream: str) -> LogStream | None:
    row = connection.execute(f"{_STREAM} WHERE log_group=? AND name=?", (owner, stream)).fetchone()
    return _as_stream(row) if row else None


def _as_group(row: sqlite3.Row) -> LogGroup:
    name, created, retention, tags, size = row
    return LogGroup(
        name=name, created=created, retention_days=retention, tags=orjson.loads(tags), stored_bytes=size
    )


def _as_stream(row: sqlite3.Row) -> LogStream:
    return LogStream(**dict(zip(_STREAM_FIELDS, row, strict=True)))


_STREAM_FIELDS = msgspec.structs.asdict(LogStream(name="", created=0)).keys()


def _prefix_end(prefix: str) -> str:
    """A name behind every name that starts with `prefix`."""
    return prefix + "\U0010ffff"
