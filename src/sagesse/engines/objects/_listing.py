"""Pages of a listing: a walk along the index that jumps over common prefixes instead of reading them."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeAlias

from sagesse.engines.objects._schema import STORAGE_CLASS, checksum_of, storage_class_of
from sagesse.engines.objects.base import STANDARD, ListedObject, ListQuery, Page

_PATIENCE = 16  # rows of one common prefix read on before a seek over it is cheaper
_HIGHEST = "\U0010ffff"
_COLUMNS = f"key, version, size, etag, modified, checksum, {STORAGE_CLASS} FROM object"

Rows: TypeAlias = Callable[[str, bool], Iterable[sqlite3.Row]]


def list_page(connection: sqlite3.Connection, bucket: str, query: ListQuery) -> Page:
    """One page of the latest objects of a bucket; costs its length, wherever it begins."""

    def rows(start: str, inclusive: bool) -> Iterator[sqlite3.Row]:
        return select(connection, _COLUMNS, bucket, query, start=start, inclusive=inclusive)

    found = list(islice(walk(rows, query), query.limit + 1))
    items = found[: query.limit]
    last = items[-1] if items else ""
    return Page(
        objects=[_entry(item) for item in items if not isinstance(item, str)],
        groups=[item for item in items if isinstance(item, str)],
        is_truncated=len(found) > query.limit > 0,
        last=last if isinstance(last, str) else last[0],
        last_is_group=isinstance(last, str) and bool(items),
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


def walk(rows: Rows, query: ListQuery) -> Iterator[sqlite3.Row | str]:
    """Rows (their first column is the key) and common prefixes (as text) in order."""
    position: str | None = query.after
    inclusive = False
    if query.after_group:
        position, inclusive = successor(query.after_group), True
    if position is not None and position < query.prefix:
        position, inclusive = query.prefix, True
    while position is not None:
        found = rows(position, inclusive)
        if not query.delimiter:
            yield from found
            return
        position, inclusive = None, True
        group, patience = "", 0
        for row in found:
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
                yield row


def select(
    connection: sqlite3.Connection, what: str, bucket: str, query: ListQuery, *, start: str, inclusive: bool
) -> Iterator[sqlite3.Row]:
    """The rows of a table from a key on, up to the end of the prefix; `what` is "columns FROM table"."""
    end = successor(query.prefix)
    limit = "" if end is None else " AND key < ?"
    order = "key, rank" if what.endswith("version") else "key"
    return connection.execute(
        f"SELECT {what} WHERE bucket=? AND key {'>=' if inclusive else '>'} ?{limit} ORDER BY {order}",
        (bucket, start) if end is None else (bucket, start, end),
    )


def _group(key: str, query: ListQuery) -> str:
    """The common prefix the key is rolled up in, or nothing."""
    at = key.find(query.delimiter, len(query.prefix))
    return key[: at + len(query.delimiter)] if at >= 0 else ""


def _entry(row: sqlite3.Row) -> ListedObject:
    key, version, size, etag, modified, checksum, details = row
    return ListedObject(
        key=key,
        version=version,
        size_bytes=size,
        etag=etag,
        modified=modified,
        checksum=checksum_of(checksum),
        storage_class=STANDARD if details is None else storage_class_of(details),
    )
