"""Everything in an index, in pages: memory stays flat, and no read lasts."""

import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from sagesse.engines.objects._index import row_of
from sagesse.engines.objects._schema import Row, Segment, decode_segments
from sagesse.engines.objects.base import Bucket, PartEntry, UploadInfo
from sagesse.engines.objects.error import ObjectDamaged

_PAGE = 200
_COLUMNS = "version, size, etag, modified, checksum, body, details, NULL"
_OBJECTS = f"""SELECT bucket, key, {_COLUMNS}, number, 0, 0, bucket, key, version FROM object
    WHERE (bucket, key, version) > (?, ?, ?) ORDER BY bucket, key, version LIMIT {_PAGE}"""
_VERSIONS = f"""SELECT bucket, key, {_COLUMNS}, -rank, 1, is_marker, bucket, key, rank FROM version
    WHERE (bucket, key, rank) > (?, ?, ?) ORDER BY bucket, key, rank LIMIT {_PAGE}"""
_PARTS = f"""SELECT part.upload, number, segments, part.record, upload.record FROM part
    JOIN upload ON upload.id = part.upload WHERE (part.upload, number) > (?, ?)
    ORDER BY part.upload, number LIMIT {_PAGE}"""
_IS_THERE = {
    "object": "SELECT 1 FROM object WHERE bucket=? AND key=? AND version=? AND etag=? AND details=?",
    "version": "SELECT 1 FROM version WHERE bucket=? AND key=? AND rank=? AND etag=? AND details=?",
    "part": "SELECT 1 FROM part WHERE upload=? AND number=? AND segments=?",
}
_decode_bucket = msgspec.msgpack.Decoder(Bucket).decode
_decode_part = msgspec.msgpack.Decoder(PartEntry).decode
_decode_upload = msgspec.msgpack.Decoder(UploadInfo).decode


class Found(NamedTuple):
    """A row of an object, or why it cannot be read; `marks` tell whether it is still the same later."""

    row: Row | ObjectDamaged
    marks: tuple[Any, ...]


class FoundPart(NamedTuple):
    """A part of an upload in progress; `marks` as in `Found`."""

    upload: UploadInfo
    part: PartEntry
    segments: tuple[Segment, ...]
    marks: tuple[Any, ...]


def walk_objects(connection: sqlite3.Connection) -> Iterator[Found]:
    """Every object and every version, but for delete markers."""
    for query, first in ((_OBJECTS, ("", "", "")), (_VERSIONS, ("", "", -(1 << 63)))):
        after: tuple[Any, ...] = first
        while rows := connection.execute(query, after).fetchall():
            for row in rows:
                columns, after = row[:13], tuple(row[13:])
                if not columns[12]:
                    yield _found(connection, columns)


def walk_parts(connection: sqlite3.Connection) -> Iterator[FoundPart]:
    """Every part of every upload in progress."""
    after: tuple[Any, ...] = ("", -1)
    while rows := connection.execute(_PARTS, after).fetchall():
        for upload, number, segments, part, record in rows:
            marks = ("part", upload, number, segments)
            yield FoundPart(_decode_upload(record), _decode_part(part), decode_segments(segments), marks)
            after = (upload, number)


def unreadable_buckets(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Names of buckets whose rows cannot be read, and why."""
    for name, record in connection.execute("SELECT name, record FROM bucket").fetchall():
        try:
            _decode_bucket(record)
        except msgspec.MsgspecError as error:
            yield name, str(error)


def is_still_there(connection: sqlite3.Connection, found: Found | FoundPart) -> bool:
    """Whether the row is what it was: what was replaced meanwhile has lost its bytes with good reason."""
    return connection.execute(_IS_THERE[found.marks[0]], found.marks[1:]).fetchone() is not None


def total(connection: sqlite3.Connection) -> tuple[int, int]:
    """How many objects and versions there are, and their bytes."""
    counts = [
        connection.execute(f"SELECT count(*), coalesce(sum(size), 0) FROM {table}").fetchone()
        for table in ("object", "version WHERE is_marker = 0")
    ]
    return sum(count for count, _ in counts), sum(size for _, size in counts)


def _found(connection: sqlite3.Connection, columns: tuple[Any, ...]) -> Found:
    bucket, key, version, _, etag, _, _, body, details, _, number, is_past, _ = columns
    marks = (
        ("version", bucket, key, -number, etag, details)
        if is_past
        else ("object", bucket, key, version, etag, details)
    )
    try:
        row = row_of(columns)  # pyright: ignore[reportArgumentType] - it unpacks any sequence
        return Found(msgspec.structs.replace(row, data=_body(connection, body)), marks)
    except ObjectDamaged as error:
        return Found(error, marks)
    except sqlite3.DatabaseError as error:
        return Found(
            ObjectDamaged(bucket, key, f"its bytes cannot be read ({error})", version=version), marks
        )


def _body(connection: sqlite3.Connection, body: int | None) -> bytes:
    """The bytes inside the index; on pages of their own, so that damage there hides no other object."""
    row = connection.execute("SELECT data FROM body WHERE id=?", (body,)).fetchone()
    return b"" if row is None else row[0]
