"""The SQLite log store on a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from sagesse.core.scope import Scope
from sagesse.engines.streams.log import (
    EVERYTHING,
    AlreadyThere,
    GroupMissing,
    LogEvent,
    Position,
    Query,
    StreamMissing,
)
from sagesse.engines.streams.log_sqlite import SqliteLogStore

HERE = Scope("123456789012", "eu-central-1")
DAY_MS = 86_400_000
NOW_S = 1_700_000_000.0


class Clock:
    time = NOW_S

    def now(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[SqliteLogStore]:
    store = SqliteLogStore(tmp_path / "logs.db", clock=clock, durable=False)
    store.ensure_stream(HERE, "g", "s")
    yield store
    store.close()


def put(store: SqliteLogStore, stream: str, *events: tuple[int, str]) -> None:
    store.ensure_stream(HERE, "g", stream)
    store.append(HERE, "g", stream, [LogEvent(*event) for event in events])


def messages(store: SqliteLogStore, query: Query = EVERYTHING, stream: str = "s") -> list[str]:
    return [event.message for event in store.read(HERE, "g", stream, query)]


def test_events_are_ordered_by_time_then_arrival(store: SqliteLogStore) -> None:
    put(store, "s", (5, "late"), (3, "first"))
    put(store, "s", (5, "later"), (4, "middle"))
    assert messages(store) == ["first", "middle", "late", "later"]


def test_newest_first_turns_the_order_round(store: SqliteLogStore) -> None:
    put(store, "s", (1, "a"), (2, "b"), (2, "c"))
    assert messages(store, Query(newest_first=True, limit=2)) == ["c", "b"]


def test_start_is_included_and_end_is_not(store: SqliteLogStore) -> None:
    put(store, "s", (1, "a"), (2, "b"), (3, "c"))
    assert messages(store, Query(start=2, end=3)) == ["b"]


def test_positions_are_excluded(store: SqliteLogStore) -> None:
    put(store, "s", (1, "a"), (1, "b"), (1, "c"))
    first, _, last = store.read(HERE, "g", "s")
    assert messages(store, Query(after=first.position, before=last.position)) == ["b"]


def test_an_answer_ends_with_the_event_that_passes_the_size(store: SqliteLogStore) -> None:
    put(store, "s", *((1, "x" * 74) for _ in range(5)))
    assert len(messages(store, Query(limit_bytes=150))) == 2


def test_append_needs_group_and_stream(store: SqliteLogStore) -> None:
    with pytest.raises(GroupMissing):
        store.append(HERE, "other", "s", [])
    with pytest.raises(StreamMissing):
        store.append(HERE, "g", "other", [])


def test_groups_of_other_regions_are_not_seen(store: SqliteLogStore) -> None:
    assert store.group(Scope("123456789012", "us-east-1"), "g") is None


def test_ensure_stream_is_idempotent(store: SqliteLogStore) -> None:
    put(store, "s", (1, "kept"))
    store.ensure_stream(HERE, "g", "s")
    assert messages(store) == ["kept"]


def test_creating_twice_is_refused(store: SqliteLogStore) -> None:
    with pytest.raises(AlreadyThere):
        store.create_group(HERE, "g")
    with pytest.raises(AlreadyThere):
        store.create_stream(HERE, "g", "s")


def test_source_offset_moves_with_the_events(store: SqliteLogStore) -> None:
    assert store.source_offset(HERE, "g", "s") == 0
    assert store.append(HERE, "g", "s", [LogEvent(1, "a")], source_offset=12, after_offset=0)
    assert store.source_offset(HERE, "g", "s") == 12


def test_a_batch_of_another_offset_is_not_written(store: SqliteLogStore) -> None:
    batch = [LogEvent(1, "a")]
    store.append(HERE, "g", "s", batch, source_offset=12, after_offset=0)
    assert not store.append(HERE, "g", "s", batch, source_offset=12, after_offset=0)
    assert messages(store) == ["a"]


def test_the_source_offset_survives_a_restart(tmp_path: Path) -> None:
    store = SqliteLogStore(tmp_path / "again.db")
    store.ensure_stream(HERE, "g", "s")
    store.append(HERE, "g", "s", [LogEvent(1, "a")], source_offset=7)
    store.close()
    store = SqliteLogStore(tmp_path / "again.db")
    store.append(HERE, "g", "s", [LogEvent(1, "b")])
    assert (store.source_offset(HERE, "g", "s"), messages(store)) == (7, ["a", "b"])
    store.close()


def test_a_stream_knows_its_times_and_size(store: SqliteLogStore) -> None:
    put(store, "s", (5, "ä"), (9, "b"))
    stream = store.stream(HERE, "g", "s")
    assert stream is not None
    assert (stream.first_event, stream.last_event, stream.stored_bytes) == (5, 9, 2 + 1 + 2 * 26)
    assert stream.last_ingested == int(NOW_S * 1000)


def test_streams_are_found_by_prefix(store: SqliteLogStore) -> None:
    for name in ("job/a", "job/b", "joz"):
        store.ensure_stream(HERE, "g", name)
    assert [stream.name for stream in store.streams(HERE, "g", prefix="job/")] == ["job/a", "job/b"]


def test_groups_are_found_by_prefix_part_and_page(store: SqliteLogStore) -> None:
    for name in ("/aws/one", "/aws/two", "/own"):
        store.create_group(HERE, name)
    assert [group.name for group in store.groups(HERE, prefix="/aws", limit=1)] == ["/aws/one"]
    assert [group.name for group in store.groups(HERE, prefix="/aws", after="/aws/one", limit=9)] == [
        "/aws/two"
    ]
    assert [group.name for group in store.groups(HERE, contains="ow", limit=9)] == ["/own"]


def test_a_deleted_stream_made_again_is_empty(store: SqliteLogStore) -> None:
    put(store, "s", (1, "old"))
    assert store.delete_stream(HERE, "g", "s")
    store.create_stream(HERE, "g", "s")
    assert messages(store) == []


def test_a_group_knows_the_size_of_its_streams(store: SqliteLogStore) -> None:
    put(store, "s", (1, "abcd"))
    put(store, "t", (1, "ab"))
    assert store.groups(HERE, limit=1)[0].stored_bytes == 4 + 2 + 2 * 26
    store.delete_stream(HERE, "g", "s")
    assert store.groups(HERE, limit=1)[0].stored_bytes == 2 + 26


def test_sweep_frees_the_events_of_deleted_groups(store: SqliteLogStore) -> None:
    put(store, "s", *((number, "x") for number in range(12_000)))
    assert store.delete_group(HERE, "g")
    assert store.sweep() == 12_000
    assert store.sweep() == 0


def test_expired_events_are_hidden_then_swept(store: SqliteLogStore, clock: Clock) -> None:
    now = int(clock.now() * 1000)
    put(store, "s", (now - 2 * DAY_MS, "old"), (now, "new"))
    store.amend_group(HERE, "g", lambda group: msgspec.structs.replace(group, retention_days=1))
    assert messages(store) == ["new"]
    assert store.sweep() == 1
    group, stream = store.group(HERE, "g"), store.stream(HERE, "g", "s")
    assert group is not None
    assert stream is not None
    assert (group.stored_bytes, stream.first_event) == (29, now)


def test_search_merges_streams_by_time(store: SqliteLogStore) -> None:
    put(store, "a", (1, "a1"), (4, "a4"))
    put(store, "b", (2, "b2"), (3, "no"), (5, "b5"))
    page = store.search(HERE, "g", ["a", "b"], lambda message: message != "no")
    assert [event.message for event in page.events] == ["a1", "b2", "a4", "b5"]
    assert page.stopped_at is None


def test_search_goes_on_behind_the_position(store: SqliteLogStore) -> None:
    put(store, "a", *((number, f"a{number}") for number in range(100)))
    put(store, "b", *((number, f"b{number}") for number in range(100)))
    seen: list[str] = []
    after: Position | None = None
    for _ in range(100):
        page = store.search(HERE, "g", ["a", "b"], lambda _: True, Query(after=after, limit=7))
        seen += [event.message for event in page.events]
        after = page.stopped_at
        if after is None:
            break
    assert sorted(seen) == sorted(f"{name}{number}" for name in "ab" for number in range(100))


def test_search_can_go_backwards(store: SqliteLogStore) -> None:
    put(store, "a", (1, "a1"), (3, "a3"))
    put(store, "b", (2, "b2"))
    page = store.search(HERE, "g", ["a", "b"], lambda _: True, Query(newest_first=True, limit=2))
    assert [event.message for event in page.events] == ["a3", "b2"]
    rest = store.search(
        HERE, "g", ["a", "b"], lambda _: True, Query(newest_first=True, before=page.stopped_at)
    )
    assert [event.message for event in rest.events] == ["a1"]


def test_wipe_leaves_nothing(store: SqliteLogStore) -> None:
    put(store, "s", (1, "a"))
    store.wipe()
    assert store.groups(HERE, limit=9) == []


def test_a_search_that_takes_long_answers_with_what_it_has(
    store: SqliteLogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append(HERE, "g", "s", [LogEvent(time, "x") for time in (1, 2, 3)])
    monkeypatch.setattr("sagesse.engines.streams.log_scan._LOOKING_S", -1.0)

    page = store.search(HERE, "g", ["s"], lambda message: True, EVERYTHING)

    assert [event.timestamp for event in page.events] == [1]
    assert page.stopped_at == page.events[0].position
