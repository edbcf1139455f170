"""The past of objects: replaced versions and delete markers.

`object` has what a name shows now, one row at most, so that reads and listings cost the same with and without
versions. `version` has the rest, newest first by rank: the negative number of the version. A name without a row in
`object` has a delete marker as its newest version, or none at all.
"""

import secrets
import sqlite3

import msgspec

from sagesse.engines.objects._index import (
    FIND_VERSION,
    find_bucket,
    find_entry,
    find_object,
    forget_object,
    row_of,
)
from sagesse.engines.objects._schema import Row
from sagesse.engines.objects.base import NULL_VERSION, Address, Versioning
from sagesse.engines.objects.error import deleted_key, marker_has_no_bytes, no_such_key, no_such_version

_MOST = (1 << 63) - 1  # that SQLite counts to
_MOVED = "version, size, etag, modified, checksum, body, details"


class Room(msgspec.Struct, frozen=True):
    """The place of a new version: its id, and its number among those of its name."""

    version: str
    number: int


def version_id(number: int) -> str:
    """A new id for the version of that number."""
    return f"{number:016x}{secrets.token_hex(8)}"


def rank_of(version: str) -> int:
    """The rank that an id stands for, an invented one as well."""
    return -min(int(version[:16], 16), _MOST)


def find_version(connection: sqlite3.Connection, address: Address, version: str) -> Row | None:
    """That version, the current one or not; it may be a delete marker."""
    found = find_object(connection, address)
    if found is not None and found.info.version == version:
        return found
    if version == NULL_VERSION:
        row = connection.execute(f"{FIND_VERSION} AND version='{NULL_VERSION}'", address).fetchone()
    else:
        place = (*address, rank_of(version), version)
        row = connection.execute(f"{FIND_VERSION} AND rank=? AND version=?", place).fetchone()
    return None if row is None else row_of(row)


def require_object(connection: sqlite3.Connection, address: Address, version: str | None = None) -> Row:
    """What a name shows, or that version of it.

    Raises:
        ServiceError: see `ObjectStore.get`.
    """
    row = find_object(connection, address) if version is None else find_version(connection, address, version)
    if row is None:
        find_bucket(connection, address.bucket)
        if version is not None:
            raise no_such_version(address.key, version)
        marker = newest_past(connection, address)
        raise no_such_key(address.key) if marker is None else deleted_key(address.key, marker.info.version)
    if row.is_marker:
        raise marker_has_no_bytes(row.info.version, row.info.modified)
    return row


def newest_past(connection: sqlite3.Connection, address: Address) -> Row | None:
    """The newest version that is not in `object`."""
    row = connection.execute(f"{FIND_VERSION} ORDER BY rank LIMIT 1", address).fetchone()
    return None if row is None else row_of(row)


def make_room(
    connection: sqlite3.Connection,
    address: Address,
    current: Row | None,
    versioning: Versioning,
    now: float,
) -> Room:
    """Move what a name shows into its past, or remove what the newcomer replaces; for buckets with versions."""
    if versioning == "Suspended":
        null = current
        if current is None or current.info.version != NULL_VERSION:
            null = find_version(connection, address, NULL_VERSION)
        else:
            current = None
        if null is not None:
            forget_object(connection, null, now)
    if current is None:
        number = _next_number(connection, address, now)
    else:  # newer than all of its past
        number = max(int(now * 1_000_000), current.number + 1)
        _move_to_past(connection, address)
    version = NULL_VERSION if versioning == "Suspended" else version_id(number)
    return Room(version, number)


def save_marker(connection: sqlite3.Connection, address: Address, room: Room, now: float) -> None:
    """Add a delete marker as the newest version."""
    connection.execute(
        "INSERT INTO version VALUES (?,?,?,?,1,0,'',?,'',NULL,x'')",
        (*address, -room.number, room.version, float(int(now))),
    )


def bring_back(connection: sqlite3.Connection, address: Address) -> None:
    """After a version was removed: have the name show the newest one that is left, unless it is a delete marker."""
    if find_entry(connection, address) is not None:
        return
    newest = newest_past(connection, address)
    if newest is None or newest.is_marker:
        return
    place = (*address, -newest.number)
    connection.execute(
        f"INSERT INTO object (bucket, key, number, {_MOVED}) "
        f"SELECT bucket, key, -rank, {_MOVED} FROM version WHERE bucket=? AND key=? AND rank=?",
        place,
    )
    connection.execute("DELETE FROM version WHERE bucket=? AND key=? AND rank=?", place)


def _move_to_past(connection: sqlite3.Connection, address: Address) -> None:
    connection.execute(
        f"INSERT INTO version (bucket, key, rank, is_marker, {_MOVED}) "
        f"SELECT bucket, key, -number, 0, {_MOVED} FROM object WHERE bucket=? AND key=?",
        address,
    )
    connection.execute("DELETE FROM object WHERE bucket=? AND key=?", address)


def _next_number(connection: sqlite3.Connection, address: Address, now: float) -> int:
    """Microseconds, or more than any number the name has had: clocks may stand still or go back."""
    row = connection.execute("SELECT min(rank) FROM version WHERE bucket=? AND key=?", address).fetchone()
    return max(int(now * 1_000_000), 1 - (row[0] or 0))
