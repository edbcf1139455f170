"""Reading events of the SQLite log store: one stream, or several merged in the order of time."""

import heapq
import math
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from sagesse.engines.streams.log import Position, Query, SearchPage, StoredEvent

_START, _END = Position(-1, 0), Position(2**62, 0)
_LOOKED_AT = 50_000  # events a search looks at before it answers with what it has: some 250 ms
_LOOKING_S = 1.0  # as long as it looks, should events or the pattern be large
_FIRST_BATCH, _LARGEST_BATCH = 16, 2048


class Scan(NamedTuple):
    """A stream to be read."""

    stream_id: int
    name: str


def read_rows(connection: sqlite3.Connection, scan: Scan, query: Query) -> list[StoredEvent]:
    """Events of one stream, as many as the query's limits allow."""
    lowest = _START if query.start is None else Position(query.start, -1)
    highest = _END if query.end is None else Position(query.end, -1)
    way = "DESC" if query.newest_first else "ASC"
    rows = connection.execute(
        f"""SELECT timestamp, id, ingested, message FROM event
            WHERE stream=? AND (timestamp, id) > (?, ?) AND (timestamp, id) < (?, ?)
            ORDER BY timestamp {way}, id {way} LIMIT ?""",
        (
            scan.stream_id,
            *max(lowest, query.after or _START),
            *min(highest, query.before or _END),
            query.limit,
        ),
    )
    return list(
        _fitting((StoredEvent(row[0], row[1], row[2], row[3], scan.name) for row in rows), query.limit_bytes)
    )


def _fitting(events: Iterable[StoredEvent], limit_bytes: int) -> Iterator[StoredEvent]:
    size = 0
    for event in events:
        yield event
        size += event.size
        if size >= limit_bytes:
            return


def search_rows(
    connection: sqlite3.Connection, scans: Sequence[Scan], matches: Callable[[str], bool], query: Query
) -> SearchPage:
    """See `LogStore.search`."""
    sources = [_walk(connection, scan, query) for scan in scans]
    merged = heapq.merge(*sources, key=_position, reverse=query.newest_first)
    found: list[StoredEvent] = []
    size, until = 0, math.inf
    for looked_at, event in enumerate(merged, start=1):
        if looked_at == 1:  # the first one comes when every stream has been opened, however many there are
            until = time.monotonic() + _LOOKING_S
        if matches(event.message):
            found.append(event)
            size += event.size
        is_full = len(found) == query.limit or size >= query.limit_bytes
        if is_full or looked_at == _LOOKED_AT or time.monotonic() > until:
            return SearchPage(found, event.position)
    return SearchPage(found, None)


def _position(event: StoredEvent) -> Position:
    return event.position


def _walk(connection: sqlite3.Connection, scan: Scan, query: Query) -> Iterator[StoredEvent]:
    """A stream's events, fetched in growing batches: most streams of a search are left after a few."""
    query = query._replace(limit=_FIRST_BATCH)
    while True:
        batch = read_rows(connection, scan, query)
        yield from batch
        if not batch:
            return
        last, size = batch[-1].position, min(query.limit * 4, _LARGEST_BATCH)
        query = query._replace(before=last) if query.newest_first else query._replace(after=last)
        query = query._replace(limit=size)
