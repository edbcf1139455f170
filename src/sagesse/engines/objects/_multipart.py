"""Multipart uploads in the index, and where their parts are written.

Parts of equal size, which is what every client sends, are written side by side into one file, so that the finished
object is one run of bytes. A part that does not fit gets a file of its own; the object is then several runs. Nothing
is ever copied.
"""

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from sagesse.engines.objects._index import find_object, hold, hold_new, release
from sagesse.engines.objects._schema import Segment, decode_segments, encode
from sagesse.engines.objects._write import save_object
from sagesse.engines.objects.base import (
    NULL_VERSION,
    Address,
    Checksum,
    ChosenPart,
    Condition,
    ObjectInfo,
    PartEntry,
    UploadInfo,
)
from sagesse.engines.objects.digest import combine, composite, multipart_etag
from sagesse.engines.objects.error import (
    bad_digest,
    entity_too_small,
    invalid_part,
    invalid_part_order,
    invalid_request,
    no_such_upload,
)

_REMEMBERED_S = 86_400.0
_decode_upload = msgspec.msgpack.Decoder(UploadInfo).decode
_decode_part = msgspec.msgpack.Decoder(PartEntry).decode


class Layout:
    """The slots of an upload's shared file; a slot is given out once, even when its part fails."""

    def __init__(self, blob: str) -> None:
        self.blob = blob
        self._slot_bytes = 0
        self._taken: set[int] = set()

    def claim(self, number: int, size_bytes: int | None) -> int | None:
        """The offset at which part `number` may be written, or None: it needs a file of its own."""
        if not size_bytes or number in self._taken:
            return None
        self._slot_bytes = self._slot_bytes or size_bytes
        if size_bytes > self._slot_bytes:
            return None
        self._taken.add(number)
        return (number - 1) * self._slot_bytes


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """How an upload is to be completed."""

    chosen: Sequence[ChosenPart]
    checksum: str | None
    size_bytes: int | None
    condition: Condition
    min_part_bytes: int
    now: float


def insert_upload(connection: sqlite3.Connection, upload: UploadInfo, blob: str) -> None:
    """Add an upload whose parts share `blob`."""
    connection.execute(
        "INSERT INTO upload VALUES (?,?,?,?,?,?)",
        (upload.id, upload.bucket, upload.key, upload.created, blob, encode(upload)),
    )
    hold_new(connection, blob)


def find_upload(connection: sqlite3.Connection, address: Address, upload_id: str) -> UploadInfo:
    """The upload, or NoSuchUpload."""
    row = connection.execute(
        "SELECT record FROM upload WHERE id=? AND bucket=? AND key=?", (upload_id, *address)
    ).fetchone()
    if row is None:
        raise no_such_upload(upload_id)
    return _decode_upload(row[0])


def list_uploads(connection: sqlite3.Connection, bucket: str) -> list[UploadInfo]:
    """A bucket's uploads by key, then by age."""
    rows = connection.execute("SELECT record FROM upload WHERE bucket=? ORDER BY key, created, id", (bucket,))
    return [_decode_upload(row[0]) for row in rows]


def list_parts(connection: sqlite3.Connection, upload_id: str) -> list[PartEntry]:
    """An upload's parts by number."""
    rows = connection.execute("SELECT record FROM part WHERE upload=? ORDER BY number", (upload_id,))
    return [_decode_part(row[0]) for row in rows]


def save_part(
    connection: sqlite3.Connection,
    upload: UploadInfo,
    part: PartEntry,
    *,
    segments: tuple[Segment, ...],
    is_new: bool,
) -> bool:
    """Add a part in place of the one of its number; False when a blob of the segments (a copy's source) is gone.

    Raises:
        ServiceError: NoSuchUpload.
    """
    find_upload(connection, Address(upload.bucket, upload.key), upload.id)
    if is_new:
        hold_new(connection, segments[0].blob)
    elif not hold(connection, segments):
        return False
    old = connection.execute(
        "SELECT segments FROM part WHERE upload=? AND number=?", (upload.id, part.number)
    ).fetchone()
    if old is not None:
        release(connection, decode_segments(old[0]), part.modified)
    connection.execute(
        "INSERT OR REPLACE INTO part VALUES (?,?,?,?)",
        (upload.id, part.number, encode(segments), encode(part)),
    )
    return True


def complete_upload(connection: sqlite3.Connection, upload: UploadInfo, finish: Finish) -> ObjectInfo:
    """Make the object and remove the upload.

    Raises:
        ServiceError: see `ObjectStore.complete`.
    """
    address = Address(upload.bucket, upload.key)
    find_upload(connection, address, upload.id)
    found = _chosen_parts(connection, upload, finish)
    parts = [part for part, _ in found]
    info = ObjectInfo(
        bucket=upload.bucket,
        key=upload.key,
        version=NULL_VERSION,
        size_bytes=sum(part.size_bytes for part in parts),
        etag=multipart_etag(parts),
        modified=float(int(finish.now)),
        checksum=_whole_checksum(upload, parts, finish.checksum),
        attributes=upload.attributes,
        parts=tuple(parts),
    )
    if finish.size_bytes is not None and finish.size_bytes != info.size_bytes:
        raise invalid_request(
            f"The provided 'x-amz-mp-object-size' header value {finish.size_bytes} does not match what was computed: "
            f"{info.size_bytes}"
        )
    segments = coalesce(segment for _, pieces in found for segment in pieces)
    hold(connection, segments)
    info = save_object(connection, info, segments=segments, condition=finish.condition, now=finish.now)
    remove_upload(connection, upload, finish.now)
    connection.execute("DELETE FROM completed WHERE at < ?", (finish.now - _REMEMBERED_S,))
    connection.execute("INSERT INTO completed VALUES (?,?,?)", (upload.id, info.etag, finish.now))
    return info


def find_completed(connection: sqlite3.Connection, address: Address, upload_id: str) -> ObjectInfo:
    """The object a recent upload was made into, or NoSuchUpload."""
    row = connection.execute("SELECT etag FROM completed WHERE upload=?", (upload_id,)).fetchone()
    found = find_object(connection, address) if row is not None else None
    if row is None or found is None or found.info.etag != row[0]:
        raise no_such_upload(upload_id)
    return found.info


def remove_upload(connection: sqlite3.Connection, upload: UploadInfo, now: float) -> None:
    """Forget an upload and release its parts.

    Raises:
        ServiceError: NoSuchUpload.
    """
    find_upload(connection, Address(upload.bucket, upload.key), upload.id)
    for row in connection.execute("SELECT segments FROM part WHERE upload=?", (upload.id,)).fetchall():
        release(connection, decode_segments(row[0]), now)
    (blob,) = connection.execute("SELECT blob FROM upload WHERE id=?", (upload.id,)).fetchone()
    release(connection, (Segment(blob, 0, 0),), now)
    connection.execute("DELETE FROM part WHERE upload=?", (upload.id,))
    connection.execute("DELETE FROM upload WHERE id=?", (upload.id,))


def coalesce(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The same bytes in as few runs as possible."""
    runs: list[Segment] = []
    for segment in segments:
        last = runs[-1] if runs else None
        if last and last.blob == segment.blob and last.offset + last.size_bytes == segment.offset:
            runs[-1] = last._replace(size_bytes=last.size_bytes + segment.size_bytes)
        elif segment.size_bytes:
            runs.append(segment)
    return tuple(runs)


def _chosen_parts(
    connection: sqlite3.Connection, upload: UploadInfo, finish: Finish
) -> list[tuple[PartEntry, tuple[Segment, ...]]]:
    """The parts the client lists, checked against what was uploaded."""
    rows = connection.execute("SELECT number, segments, record FROM part WHERE upload=?", (upload.id,))
    stored = {number: (_decode_part(record), segments) for number, segments, record in rows}
    found: list[tuple[PartEntry, tuple[Segment, ...]]] = []
    for position, chosen in enumerate(finish.chosen):
        if position and chosen.number <= finish.chosen[position - 1].number:
            raise invalid_part_order(upload.id)
        part, segments = stored.get(chosen.number, (None, b""))
        if part is None or part.etag != chosen.etag or _differs(part, chosen):
            raise invalid_part(upload.id, chosen.number, chosen.etag)
        _require_checksum(upload, chosen)
        found.append((part, decode_segments(segments)))
    for part, _ in found[:-1]:
        if part.size_bytes < finish.min_part_bytes:
            raise entity_too_small(part.number, part.etag, part.size_bytes, finish.min_part_bytes)
    return found


def _differs(part: PartEntry, chosen: ChosenPart) -> bool:
    return any(part.checksums.get(name, value) != value for name, value in chosen.checksums.items())


def _require_checksum(upload: UploadInfo, chosen: ChosenPart) -> None:
    if upload.is_declared and upload.kind == "COMPOSITE" and upload.algorithm not in chosen.checksums:
        name = upload.algorithm.lower()
        raise invalid_request(
            f"The upload was created using a {name} checksum. The complete request must include the checksum for "
            f"each part. It was missing for part {chosen.number} in the request."
        )


def _whole_checksum(upload: UploadInfo, parts: list[PartEntry], expected: str | None) -> Checksum:
    """The object's checksum, verified against the client's."""
    whole = composite if upload.kind == "COMPOSITE" else combine
    checksum = whole(upload.algorithm, parts)
    if expected is not None and expected not in {checksum.value, checksum.value.rpartition("-")[0]}:
        raise bad_digest(upload.algorithm, expected, checksum.value)
    return checksum
