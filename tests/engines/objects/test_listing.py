import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from sagesse.engines.objects._listing import list_page, successor
from sagesse.engines.objects._schema import SCHEMA
from sagesse.engines.objects.base import ListQuery

TEXT = st.text(st.sampled_from("ab/é\ud7ff\ue000\uffff\U0010ffff"), max_size=5)
KEYS = st.sets(TEXT.filter(bool), max_size=30)


def index(keys: set[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for statement in SCHEMA:
        connection.execute(statement)
    rows = [("b", key, "null", 0, 0, "", 0.0, "", None, b"") for key in keys]
    connection.executemany("INSERT INTO object VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
    return connection


def expected(keys: set[str], prefix: str, delimiter: str) -> list[str]:
    """Keys and common prefixes in order, by scanning everything."""
    seen: dict[str, None] = {}
    for key in sorted(keys, key=str.encode):
        if key.startswith(prefix):
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            seen[f"group {key[: at + len(delimiter)]}" if at >= 0 else f"key {key}"] = None
    return list(seen)


@given(keys=KEYS, prefix=TEXT, delimiter=st.sampled_from(["", "/", "a", "é/"]), limit=st.integers(1, 7))
def test_pages_hold_what_a_scan_finds(keys: set[str], prefix: str, delimiter: str, limit: int) -> None:
    connection = index(keys)
    found: list[str] = []
    query = ListQuery(prefix=prefix, delimiter=delimiter, limit=limit)
    while True:
        page = list_page(connection, "b", query)
        names = [f"key {entry.key}" for entry in page.objects] + [f"group {group}" for group in page.groups]
        found += sorted(names, key=lambda name: name.partition(" ")[2].encode())
        if not page.is_truncated:
            break
        query = ListQuery(
            prefix=prefix,
            delimiter=delimiter,
            limit=limit,
            after="" if page.last_is_group else page.last,
            after_group=page.last if page.last_is_group else "",
        )
    assert found == expected(keys, prefix, delimiter)


@given(prefix=TEXT.filter(bool), text=TEXT)
def test_the_successor_is_above_all_that_begins_with_the_prefix(prefix: str, text: str) -> None:
    above = successor(prefix)
    assert above is None or (prefix + text).encode() < above.encode()


@given(prefix=TEXT.filter(bool), other=TEXT)
def test_nothing_else_lies_between_a_prefix_and_its_successor(prefix: str, other: str) -> None:
    above = successor(prefix)
    is_between = prefix <= other and (above is None or other < above)
    assert is_between == other.startswith(prefix)


def test_a_huge_common_prefix_costs_a_seek() -> None:
    rows = 5000
    connection = index({f"a/{number:05}" for number in range(rows)} | {"b"})
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.set_progress_handler(count, 10)
    page = list_page(connection, "b", ListQuery(delimiter="/"))
    assert (page.groups, [entry.key for entry in page.objects]) == (["a/"], ["b"])
    assert steps < rows / 10  # a walk over every row takes more than ten instructions for each
