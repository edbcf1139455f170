"""The index of the local store: its tables and the rows in them."""

import sqlite3
from typing import NamedTuple

import msgspec

from sagesse.core.outbox import OUTBOX_SCHEMA
from sagesse.engines.objects.base import STANDARD, Attributes, Checksum, ObjectInfo, PartEntry

# `blob.refs` counts the rows that hold a blob: its upload, its parts, the objects made of it. At 0 it waits for the
# sweeper (readers may still be about to open it), at -1 its file is being removed. `object` has what a name shows,
# `version` what it showed before (see _history.py).
SCHEMA = (
    """CREATE TABLE IF NOT EXISTS bucket (
        name TEXT PRIMARY KEY, account TEXT NOT NULL, record BLOB NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS bucket_account ON bucket (account, name)",
    """CREATE TABLE IF NOT EXISTS object (
        bucket TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL, number INTEGER NOT NULL,
        size INTEGER NOT NULL, etag TEXT NOT NULL, modified REAL NOT NULL, checksum TEXT NOT NULL,
        body INTEGER, details BLOB NOT NULL,
        PRIMARY KEY (bucket, key, version)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS version (
        bucket TEXT NOT NULL, key TEXT NOT NULL, rank INTEGER NOT NULL, version TEXT NOT NULL,
        is_marker INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, modified REAL NOT NULL,
        checksum TEXT NOT NULL, body INTEGER, details BLOB NOT NULL,
        PRIMARY KEY (bucket, key, rank)) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS version_null ON version (bucket, key) WHERE version = 'null'",
    "CREATE TABLE IF NOT EXISTS body (id INTEGER PRIMARY KEY, data BLOB NOT NULL)",
    """CREATE TABLE IF NOT EXISTS blob (
        id TEXT PRIMARY KEY, refs INTEGER NOT NULL, unused_since REAL NOT NULL DEFAULT 0) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS blob_unused ON blob (unused_since) WHERE refs <= 0",
    """CREATE TABLE IF NOT EXISTS upload (
        id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, created REAL NOT NULL,
        blob TEXT NOT NULL, record BLOB NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS upload_bucket ON upload (bucket, key, created)",
    """CREATE TABLE IF NOT EXISTS part (
        upload TEXT NOT NULL, number INTEGER NOT NULL, segments BLOB NOT NULL, record BLOB NOT NULL,
        PRIMARY KEY (upload, number)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS completed (
        upload TEXT PRIMARY KEY, etag TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS completed_at ON completed (at)",
    "CREATE TABLE IF NOT EXISTS epoch (name TEXT PRIMARY KEY) WITHOUT ROWID",
    *OUTBOX_SCHEMA,
)


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring an older index up to date.

    Before versions every object was a ``null`` version. Later the ids of versions had an index, which their ranks
    make needless: a page less to write for each new version.
    """
    connection.execute("DROP INDEX IF EXISTS version_id")
    columns = {row[1] for row in connection.execute("PRAGMA table_info(object)")}
    if "is_latest" in columns:
        connection.execute("ALTER TABLE object RENAME COLUMN is_latest TO number")
        connection.execute("UPDATE object SET number = 0")


class Segment(NamedTuple):
    """A run of bytes in a blob."""

    blob: str
    offset: int
    size_bytes: int


class Details(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, array_like=False):
    """What a listing never shows of an object."""

    attributes: Attributes
    parts: tuple[PartEntry, ...] = ()
    segments: tuple[Segment, ...] = ()


NO_DETAILS = Details(attributes=Attributes())

# The details of the few objects that name a storage class; others are not decoded for a listing.
STORAGE_CLASS = f"CASE WHEN instr(details, x'{b'StorageClass'.hex()}') THEN details END"

encode = msgspec.msgpack.Encoder().encode
decode_details = msgspec.msgpack.Decoder(Details).decode
decode_segments = msgspec.msgpack.Decoder(tuple[Segment, ...]).decode


class Place(NamedTuple):
    """The place of a row: its table, and its key there as a condition and the values for it."""

    table: str
    condition: str
    values: tuple[str | int, ...]


class Row(msgspec.Struct, frozen=True):
    """An object with its place: `body` and `data` when inline, segments otherwise.

    `number` orders the versions of a name; 0 for what was there before its bucket had versions.
    """

    info: ObjectInfo
    segments: tuple[Segment, ...]
    body: int | None
    data: bytes
    number: int = 0
    is_past: bool = False
    is_marker: bool = False

    @property
    def place(self) -> "Place":
        """Where the row is."""
        info = self.info
        if self.is_past:
            return Place("version", "bucket=? AND key=? AND rank=?", (info.bucket, info.key, -self.number))
        return Place("object", "bucket=? AND key=? AND version=?", (info.bucket, info.key, info.version))


def storage_class_of(details: bytes) -> str:
    """The storage class in what `STORAGE_CLASS` reads; damaged details do not stop a listing."""
    try:
        return str(decode_details(details).attributes.headers.get("StorageClass", STANDARD))
    except msgspec.MsgspecError:
        return STANDARD


def checksum_text(checksum: Checksum | None) -> str:
    """A checksum as one column."""
    return f"{checksum.algorithm} {checksum.kind} {checksum.value}" if checksum else ""


def checksum_of(text: str) -> Checksum | None:
    """The checksum in that column; None for none, and for a damaged one, which a listing does not stop at."""
    words = text.split(" ", 2)
    if len(words) < 3:
        return None
    algorithm, kind, value = words
    return Checksum(algorithm, value, kind)  # pyright: ignore[reportArgumentType] - our own column
