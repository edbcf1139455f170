"""Pages of versions: what names show now and what they showed before, in one order."""

import heapq
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import chain
from operator import itemgetter

from sagesse.engines.objects._history import find_version, newest_past, rank_of
from sagesse.engines.objects._index import find_object
from sagesse.engines.objects._listing import select, walk
from sagesse.engines.objects._schema import STORAGE_CLASS, checksum_of, storage_class_of
from sagesse.engines.objects.base import NULL_VERSION, STANDARD, Address, ListQuery, VersionEntry, VersionPage

_MEMBERS = f"version, size, etag, modified, checksum, {STORAGE_CLASS}"
_NOW = f"key, -number AS rank, 0 AS is_marker, {_MEMBERS} FROM object"
_PAST = f"key, rank, is_marker, {_MEMBERS} FROM version"


def list_versions(connection: sqlite3.Connection, bucket: str, query: ListQuery) -> VersionPage:
    """One page of the versions of a bucket; costs its length, wherever it begins."""
    versions: list[VersionEntry] = []
    groups: list[str] = []
    last, last_version, is_truncated = "", "", False
    address = Address(bucket, query.after)
    newest_of = (query.after, _newest_rank(connection, address)) if query.after_version else ("", 0)

    def rows(start: str, inclusive: bool) -> Iterable[sqlite3.Row]:
        later = heapq.merge(
            select(connection, _NOW, bucket, query, start=start, inclusive=inclusive),
            select(connection, _PAST, bucket, query, start=start, inclusive=inclusive),
            key=itemgetter(0, 1),
        )
        is_within = query.after_version and (start, inclusive) == (query.after, False)
        return chain(_rest(connection, address, query), later) if is_within else later

    for item in walk(rows, query):
        if len(versions) + len(groups) >= query.limit:
            is_truncated = query.limit > 0
            break
        if isinstance(item, str):
            groups.append(item)
            last, last_version = item, ""
            continue
        if item[0] != newest_of[0]:
            newest_of = (item[0], item[1])
        entry = _entry(item, is_latest=newest_of == (item[0], item[1]))
        versions.append(entry)
        last, last_version = entry.key, entry.mark
    return VersionPage(
        versions=versions, groups=groups, is_truncated=is_truncated, last=last, last_version=last_version
    )


def _rest(connection: sqlite3.Connection, address: Address, query: ListQuery) -> Iterator[sqlite3.Row]:
    """The versions of a key behind `after_version`, which may be gone by now."""
    if not address.key.startswith(query.prefix):
        return
    after = _rank_of(connection, address, query.after_version)
    for what in (_NOW, _PAST):
        yield from connection.execute(
            f"SELECT {what} WHERE bucket=? AND key=? AND rank > ? ORDER BY rank", (*address, after)
        )


def _rank_of(connection: sqlite3.Connection, address: Address, mark: str) -> int:
    """The rank in a mark: a version id is one as well."""
    if mark != NULL_VERSION:
        return rank_of(mark)
    found = find_version(connection, address, NULL_VERSION)
    return 0 if found is None else -found.number


def _newest_rank(connection: sqlite3.Connection, address: Address) -> int:
    newest = find_object(connection, address) or newest_past(connection, address)
    return 0 if newest is None else -newest.number


def _entry(row: sqlite3.Row, *, is_latest: bool) -> VersionEntry:
    key, rank, is_marker, version, size, etag, modified, checksum, details = row
    return VersionEntry(
        key=key,
        version=version,
        size_bytes=size,
        etag=etag,
        modified=modified,
        checksum=checksum_of(checksum),
        storage_class=STANDARD if details is None else storage_class_of(details),
        is_latest=is_latest,
        is_marker=bool(is_marker),
        mark=version if version != NULL_VERSION else f"{-rank:016x}{0:016x}",
    )
