"""Objects put under a name and deleted, with what becomes of the versions there."""

import sqlite3

import msgspec

from sagesse.core.error import ServiceError
from sagesse.engines.objects._history import bring_back, find_version, make_room, save_marker
from sagesse.engines.objects._index import (
    check_condition,
    find_entry,
    forget_object,
    insert_object,
    overwrite_object,
    require_versioning,
)
from sagesse.engines.objects._schema import Row, Segment
from sagesse.engines.objects.base import Address, Condition, Deleted, Deletion, ObjectInfo, Versioning
from sagesse.engines.objects.error import object_locked, precondition_failed


def save_object(
    connection: sqlite3.Connection,
    info: ObjectInfo,
    *,
    segments: tuple[Segment, ...] = (),
    data: bytes | None = None,
    condition: Condition,
    now: float,
) -> ObjectInfo:
    """Put an object under its name, in place of the one there or on top; the caller holds the segments' blobs already.

    Returns:
        The object with its version.

    Raises:
        ServiceError: NoSuchBucket, or the condition does not hold.
    """
    versioning = require_versioning(connection, info.bucket)
    address = Address(info.bucket, info.key)
    old = find_entry(connection, address)
    check_condition(condition, old, info.key)
    number = 0
    if versioning:
        room = make_room(connection, address, old, versioning, now)
        info, number = msgspec.structs.replace(info, version=room.version), room.number
    elif old is not None:
        overwrite_object(connection, old, info, segments=segments, data=data, now=now)
        return info
    insert_object(connection, info, number, segments=segments, data=data)
    return info


def delete_many(
    connection: sqlite3.Connection, bucket: str, deletions: list[Deletion], now: float
) -> list[Deleted | ServiceError]:
    """Delete objects or versions; each succeeds or fails alone.

    Raises:
        ServiceError: NoSuchBucket.
    """
    versioning = require_versioning(connection, bucket)
    outcomes: list[Deleted | ServiceError] = []
    for deletion in deletions:
        try:
            outcomes.append(_delete(connection, bucket, deletion, versioning, now))
        except ServiceError as error:
            outcomes.append(error)
    return outcomes


def _delete(
    connection: sqlite3.Connection, bucket: str, deletion: Deletion, versioning: Versioning, now: float
) -> Deleted:
    address = Address(bucket, deletion.key)
    if deletion.version is not None:
        return _delete_version(connection, address, deletion, deletion.version, now)
    current = find_entry(connection, address)
    _check(deletion, current)
    if not versioning:
        if current is not None:
            forget_object(connection, current, now)
        return Deleted(is_change=current is not None)
    room = make_room(connection, address, current, versioning, now)
    save_marker(connection, address, room, now)
    return Deleted(room.version, is_marker=True)


def _delete_version(
    connection: sqlite3.Connection, address: Address, deletion: Deletion, version: str, now: float
) -> Deleted:
    row = find_version(connection, address, version)
    _check(deletion, row)
    if row is None:
        return Deleted(version, is_change=False)
    lock = row.info.attributes.lock
    if lock is not None and lock.forbids_deletion(now, bypasses_governance=deletion.bypasses_governance):
        raise object_locked()
    forget_object(connection, row, now)
    bring_back(connection, address)
    return Deleted(version, is_marker=row.is_marker)


def _check(deletion: Deletion, row: Row | None) -> None:
    check_condition(Condition(if_match=deletion.if_match), row, deletion.key)
    if deletion.if_modified is not None and (row is None or row.info.modified != deletion.if_modified):
        raise precondition_failed("x-amz-if-match-last-modified-time")
    if deletion.if_past and row is not None and not row.is_past:
        raise precondition_failed("the version is the current one again")
