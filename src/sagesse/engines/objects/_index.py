"""Reads and changes of the index; every change runs inside a transaction of the store's one writer."""

import sqlite3
from collections.abc import Iterable
from typing import Any

import msgspec

from sagesse.engines.objects._schema import (
    NO_DETAILS,
    Details,
    Row,
    Segment,
    checksum_of,
    checksum_text,
    decode_details,
    encode,
)
from sagesse.engines.objects.base import ALGORITHMS, Address, Bucket, Condition, ObjectInfo, Versioning
from sagesse.engines.objects.error import ObjectDamaged, no_such_bucket, no_such_key, precondition_failed


class _Versioned(msgspec.Struct):
    """The one thing of a bucket that a write must know in its transaction."""

    versioning: Versioning = ""


_decode_bucket = msgspec.msgpack.Decoder(Bucket).decode
_decode_versioned = msgspec.msgpack.Decoder(_Versioned).decode
_FIND = """SELECT bucket, key, version, size, etag, modified, checksum, body, details, body.data, number, 0, 0
    FROM object LEFT JOIN body ON body.id = object.body WHERE bucket=? AND key=?"""
_FIND_ENTRY = """SELECT bucket, key, version, size, etag, modified, checksum, body, details, x'', number, 0, 0
    FROM object WHERE bucket=? AND key=?"""
FIND_VERSION = """SELECT bucket, key, version, size, etag, modified, checksum, body, details, body.data, -rank, 1,
    is_marker FROM version LEFT JOIN body ON body.id = version.body WHERE bucket=? AND key=?"""


def find_bucket(connection: sqlite3.Connection, name: str) -> Bucket:
    """The bucket, or NoSuchBucket."""
    row = connection.execute("SELECT record FROM bucket WHERE name=?", (name,)).fetchone()
    if row is None:
        raise no_such_bucket(name)
    return _decode_bucket(row[0])


def require_versioning(connection: sqlite3.Connection, name: str) -> Versioning:
    """Whether the bucket keeps versions, or NoSuchBucket."""
    row = connection.execute("SELECT record FROM bucket WHERE name=?", (name,)).fetchone()
    if row is None:
        raise no_such_bucket(name)
    return _decode_versioned(row[0]).versioning


def save_bucket(connection: sqlite3.Connection, bucket: Bucket) -> None:
    """Insert or replace a bucket."""
    connection.execute(
        "INSERT OR REPLACE INTO bucket VALUES (?,?,?)", (bucket.name, bucket.account, encode(bucket))
    )


def find_object(connection: sqlite3.Connection, address: Address) -> Row | None:
    """The latest object under a name, with its inline bytes, in one snapshot."""
    row = connection.execute(_FIND, address).fetchone()
    return None if row is None else row_of(row)


def find_entry(connection: sqlite3.Connection, address: Address) -> Row | None:
    """As `find_object`, without the bytes: what a write must know of the one it replaces."""
    row = connection.execute(_FIND_ENTRY, address).fetchone()
    return None if row is None else row_of(row)


def row_of(row: sqlite3.Row) -> Row:
    """A row of `object` or `version` as `_FIND` and `FIND_VERSION` read it."""
    bucket, key, version, size, etag, modified, checksum, body, details, data, number, is_past, is_marker = (
        row
    )
    kept = NO_DETAILS if is_marker else _details(bucket, key, version, details)
    shown = checksum_of(checksum)
    if checksum and (shown is None or shown.algorithm not in ALGORITHMS):
        raise ObjectDamaged(bucket, key, "its row cannot be read (no checksum)", version=version)
    info = ObjectInfo(
        bucket=bucket,
        key=key,
        version=version,
        size_bytes=size,
        etag=etag,
        modified=modified,
        checksum=shown,
        attributes=kept.attributes,
        parts=kept.parts,
    )
    return Row(info, kept.segments, body, data or b"", number, bool(is_past), bool(is_marker))


def _details(bucket: str, key: str, version: str, details: bytes) -> Details:
    try:
        return decode_details(details)
    except msgspec.MsgspecError as error:
        raise ObjectDamaged(bucket, key, f"its row cannot be read ({error})", version=version) from error


def insert_object(
    connection: sqlite3.Connection,
    info: ObjectInfo,
    number: int,
    *,
    segments: tuple[Segment, ...],
    data: bytes | None,
) -> None:
    """Add the row of an object whose name shows none."""
    columns = _columns(info, _insert_body(connection, data), segments)
    connection.execute(
        "INSERT INTO object (size, etag, modified, checksum, body, details, bucket, key, version, number) "
        "VALUES (?,?,?,?,?,?,?,?,?,?)",
        (*columns, info.bucket, info.key, info.version, number),
    )


def overwrite_object(
    connection: sqlite3.Connection,
    old: Row,
    info: ObjectInfo,
    *,
    segments: tuple[Segment, ...],
    data: bytes | None,
    now: float,
) -> None:
    """Put an object in the row of the one it replaces, and its bytes where the old ones are: few pages change."""
    body = old.body
    if body is not None and data:
        connection.execute("UPDATE body SET data=? WHERE id=?", (data, body))
    else:
        _delete_body(connection, body)
        body = _insert_body(connection, data)
    release(connection, old.segments, now)
    connection.execute(
        "UPDATE object SET size=?, etag=?, modified=?, checksum=?, body=?, details=? "
        "WHERE bucket=? AND key=? AND version=?",
        (*_columns(info, body, segments), info.bucket, info.key, info.version),
    )


def _columns(info: ObjectInfo, body: int | None, segments: tuple[Segment, ...]) -> tuple[Any, ...]:
    details = Details(attributes=info.attributes, parts=info.parts, segments=segments)
    checksum = checksum_text(info.checksum)
    return (info.size_bytes, info.etag, info.modified, checksum, body, encode(details))


def _insert_body(connection: sqlite3.Connection, data: bytes | None) -> int | None:
    return connection.execute("INSERT INTO body (data) VALUES (?)", (data,)).lastrowid if data else None


def _delete_body(connection: sqlite3.Connection, body: int | None) -> None:
    if body is not None:
        connection.execute("DELETE FROM body WHERE id=?", (body,))


def forget_object(connection: sqlite3.Connection, row: Row, now: float) -> None:
    """Remove an object's row and release its bytes."""
    table, condition, values = row.place
    connection.execute(f"DELETE FROM {table} WHERE {condition}", values)
    _delete_body(connection, row.body)
    release(connection, row.segments, now)


def amend_details(connection: sqlite3.Connection, row: Row, details: Details) -> None:
    """Replace what is remembered of an object beside its bytes."""
    table, condition, values = row.place
    connection.execute(f"UPDATE {table} SET details=? WHERE {condition}", (encode(details), *values))


def check_condition(condition: Condition, row: Row | None, key: str) -> None:
    """Refuse a write whose condition does not hold of the object now under the name.

    Raises:
        ServiceError: PreconditionFailed; NoSuchKey for `if_match` without an object.
    """
    if condition.if_none_match is not None and row is not None:
        raise precondition_failed("If-None-Match")
    if condition.if_match is not None:
        if row is None:
            raise no_such_key(key)
        if condition.if_match not in {"*", row.info.etag}:
            raise precondition_failed("If-Match")


def hold_new(connection: sqlite3.Connection, blob: str) -> None:
    """Count one more row that holds a blob of ours, new or not."""
    connection.execute(
        "INSERT INTO blob (id, refs) VALUES (?,1) ON CONFLICT (id) DO UPDATE SET refs = refs + 1", (blob,)
    )


def hold(connection: sqlite3.Connection, segments: Iterable[Segment]) -> bool:
    """Count one more row that holds these blobs; False when one of them is gone."""
    for blob in blobs_of(segments):
        found = connection.execute("UPDATE blob SET refs = refs + 1 WHERE id=? AND refs >= 0", (blob,))
        if found.rowcount == 0:
            return False
    return True


def release(connection: sqlite3.Connection, segments: Iterable[Segment], now: float) -> None:
    """Count one row less that holds these blobs."""
    for blob in blobs_of(segments):
        connection.execute("UPDATE blob SET refs = refs - 1, unused_since=? WHERE id=?", (now, blob))


def blobs_of(segments: Iterable[Segment]) -> list[str]:
    """Every blob of the segments, once."""
    return list(dict.fromkeys(segment.blob for segment in segments))
