"""Freeing the space of log events that nobody can see any more, a little at a time."""

import sqlite3

from sagesse.engines.streams.log import EVENT_OVERHEAD

_STEP = 5_000  # events removed in one transaction: some 10 ms
_DAY_MS = 86_400_000


def sweep_step(connection: sqlite3.Connection, now: int) -> int | None:
    """Remove some events of a deleted stream, or some that have expired.

    Returns:
        How many went, or None when there is nothing left to do.
    """
    deleted = connection.execute("SELECT stream FROM garbage LIMIT 1").fetchone()
    if deleted is not None:
        return _empty_deleted(connection, deleted[0])
    expired = connection.execute(
        """SELECT s.id, ?1 - g.retention * ?2 FROM log_group g JOIN stream s ON s.log_group = g.id
            WHERE g.retention IS NOT NULL AND s.first < ?1 - g.retention * ?2 LIMIT 1""",
        (now, _DAY_MS),
    ).fetchone()
    return _expire(connection, *expired) if expired is not None else None


def grow_group(connection: sqlite3.Connection, stream: int, size: int) -> None:
    """Add `size` to the stored bytes of the stream's group."""
    connection.execute(
        "UPDATE log_group SET bytes = bytes + ? WHERE id = (SELECT log_group FROM stream WHERE id = ?)",
        (size, stream),
    )


def _empty_deleted(connection: sqlite3.Connection, stream: int) -> int:
    removed, _ = _remove(connection, stream, 2**62)
    if removed < _STEP:
        connection.execute("DELETE FROM garbage WHERE stream=?", (stream,))
    return removed


def _expire(connection: sqlite3.Connection, stream: int, oldest: int) -> int:
    removed, size = _remove(connection, stream, oldest)
    connection.execute(
        """UPDATE stream SET bytes = bytes - ?2, first = (SELECT min(timestamp) FROM event WHERE stream = ?1),
            last = (SELECT max(timestamp) FROM event WHERE stream = ?1) WHERE id = ?1""",
        (stream, size),
    )
    grow_group(connection, stream, -size)
    return removed


def _remove(connection: sqlite3.Connection, stream: int, older_than: int) -> tuple[int, int]:
    """Remove at most `_STEP` of the oldest events; returns how many, and their size as counted."""
    rows = connection.execute(
        """SELECT timestamp, id, length(CAST(message AS BLOB)) FROM event
            WHERE stream=? AND timestamp < ? ORDER BY timestamp, id LIMIT ?""",
        (stream, older_than, _STEP),
    ).fetchall()
    if not rows:
        return 0, 0
    connection.execute(
        "DELETE FROM event WHERE stream=? AND (timestamp, id) <= (?, ?)", (stream, rows[-1][0], rows[-1][1])
    )
    return len(rows), sum(row[2] + EVENT_OVERHEAD for row in rows)
