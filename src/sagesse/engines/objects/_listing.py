"""Pages of a listing: a walk along the index that jumps over common prefixes instead of reading them."""

import sqlite3
from collections.abc import Iterator

from sagesse.engines.objects._schema import checksum_of
from sagesse.engines.objects.base import ListQuery, ObjectEntry, Page

_PATIENCE = 16  # rows of one common prefix read on before a seek over it is cheaper
_HIGHEST = "\U0010ffff"


def list_page(connection: sqlite3.Connection, bucket: str, query: ListQuery) -> Page:
    """One page of the latest objects of a bucket; costs its length, wherever it begins."""
    objects: list[ObjectEntry] = []
    groups: list[str] = []
    last, last_is_group, is_truncated = "", False, False
    for item in _walk(connection, bucket, query):
        if len(objects) + len(groups) >= query.limit:
            is_truncated = query.limit > 0
            break
        if isinstance(item, str):
            groups.append(item)
            last, last_is_group = item, True
        else:
            objects.append(item)
            last, last_is_group = item.key, False
    return Page(
        objects=objects, groups=groups, is_truncated=is_truncated, last=last, last_is_group=last_is_group
    )


def successor(prefix: str) -> str | None:
    """The least string above every string that begins with `prefix`, or None when there is none.

    Code points order as their UTF-8 bytes do; surrogates are no characters.
    """
    kept = prefix.rstrip(_HIGHEST)
    if not kept:
        return None
    point = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if point == 0xD800 else point)


def _walk(connection: sqlite3.Connection, bucket: str, query: ListQuery) -> Iterator[ObjectEntry | str]:
    """Objects and common prefixes (as text) in order."""
    position: str | None = query.after
    inclusive = False
    if query.after_group:
        position, inclusive = successor(query.after_group), True
    if position is not None and position < query.prefix:
        position, inclusive = query.prefix, True
    while position is not None:
        rows = _rows(connection, bucket, query, start=position, inclusive=inclusive)
        position, inclusive = None, True
        group, patience = "", 0
        for row in rows:
            key: str = row[0]
            if group and key.startswith(group):
                patience -= 1
                if patience == 0:
                    position = successor(group)
                    break
                continue
            group = _group(key, query)
            if group:
                patience = _PATIENCE
                yield group
            else:
                yield _entry(row)


def _rows(
    connection: sqlite3.Connection, bucket: str, query: ListQuery, *, start: str, inclusive: bool
) -> Iterator[sqlite3.Row]:
    end = successor(query.prefix)
    limit = "" if end is None else " AND key < ?"
    return connection.execute(
        "SELECT key, version, size, etag, modified, checksum FROM object WHERE bucket=? "
        f"AND key {'>=' if inclusive else '>'} ?{limit} AND is_latest ORDER BY key",
        (bucket, start) if end is None else (bucket, start, end),
    )


def _group(key: str, query: ListQuery) -> str:
    """The common prefix the key is rolled up in, or nothing."""
    if not query.delimiter:
        return ""
    at = key.find(query.delimiter, len(query.prefix))
    return key[: at + len(query.delimiter)] if at >= 0 else ""


def _entry(row: sqlite3.Row) -> ObjectEntry:
    key, version, size, etag, modified, checksum = row
    return ObjectEntry(
        key=key,
        version=version,
        size_bytes=size,
        etag=etag,
        modified=modified,
        checksum=checksum_of(checksum),
    )
