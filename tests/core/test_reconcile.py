import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from sagesse.core.call import Context
from sagesse.core.principal import Principal
from sagesse.core.reconcile import Advance, Reconciler
from sagesse.core.record import Record
from sagesse.core.store_sqlite import SqliteStore
from sagesse.testing.store import make_record

DEADLINE_S = 10


def _context(record: Record) -> Context:
    return Context(
        scope=record.scope,
        principal=Principal.service("test", record.account),
        request_id="r",
        platform=None,  # type: ignore[arg-type]
    )


@pytest.fixture
def store(tmp_path: Path):
    store = SqliteStore(tmp_path / "records.db")
    yield store
    store.close()


def _run(store: SqliteStore, advance: Advance, until: threading.Event) -> None:
    reconciler = Reconciler(store, {"test:Thing": advance}, _context, threads=3)
    reconciler.start()
    assert until.wait(DEADLINE_S)
    reconciler.stop()


def _counting(limit: int, done: threading.Event) -> tuple[list[str], Callable[[str], None]]:
    seen: list[str] = []

    def note(name: str) -> None:
        seen.append(name)
        if len(seen) >= limit:
            done.set()

    return seen, note


def test_open_records_are_taken_up_at_start(store: SqliteStore) -> None:
    for name in "ab":
        store.insert(make_record(name, is_open=True))
    store.insert(make_record("closed"))
    done = threading.Event()
    seen, note = _counting(2, done)
    _run(store, lambda _, record: note(record.name), done)
    assert sorted(seen) == ["a", "b"]


def test_a_step_that_asks_for_more_is_called_again(store: SqliteStore) -> None:
    store.insert(make_record("a", is_open=True))
    done = threading.Event()
    seen, note = _counting(3, done)

    def advance(_: Context, record: Record) -> float:
        note(record.name)
        return 0

    _run(store, advance, done)
    assert len(seen) >= 3


def test_a_step_that_fails_is_tried_again(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagesse.core.reconcile._FIRST_PAUSE_S", 0.001)
    store.insert(make_record("a", is_open=True))
    done = threading.Event()
    seen, note = _counting(3, done)

    def advance(_: Context, record: Record) -> float | None:
        note(record.name)
        if len(seen) < 3:
            raise RuntimeError("not yet")
        return None

    _run(store, advance, done)
    assert seen == ["a", "a", "a"]


def test_a_closed_record_is_left_alone(store: SqliteStore) -> None:
    record = store.insert(make_record("a", is_open=True))
    done = threading.Event()
    seen, note = _counting(1, done)

    def advance(_: Context, current: Record) -> float:
        store.update(record.key, lambda item: msgspec.structs.replace(item, is_open=False))
        note(current.name)
        return 0

    _run(store, advance, done)
    assert seen == ["a"]


def test_one_record_is_advanced_by_one_thread_at_a_time(store: SqliteStore) -> None:
    store.insert(make_record("a", is_open=True))
    done = threading.Event()
    inside: list[int] = []
    overlaps: list[int] = []
    steps = 0

    def advance(_: Context, record: Record) -> float:
        nonlocal steps
        inside.append(1)
        overlaps.extend([1] * (len(inside) - 1))
        reconciler.wake(record.key)
        steps += 1
        if steps > 50:
            done.set()
        inside.pop()
        return 0

    reconciler = Reconciler(store, {"test:Thing": advance}, _context, threads=4)
    reconciler.start()
    assert done.wait(DEADLINE_S)
    reconciler.stop()
    assert overlaps == []


def _looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by the name of the thread whenever one looks for something to do."""
    looks: list[str] = []
    take = Reconciler._take_due

    def look(reconciler: Reconciler) -> object:
        looks.append(threading.current_thread().name)
        return take(reconciler)

    monkeypatch.setattr(Reconciler, "_take_due", look)
    return looks


def test_a_step_that_goes_on_at_once_wakes_nobody(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.insert(make_record("a", is_open=True))
    looks = _looks(monkeypatch)
    done = threading.Event()
    seen, note = _counting(100, done)

    def advance(_: Context, record: Record) -> float | None:
        note(record.name)
        return 0 if len(seen) < 100 else None

    _run(store, advance, done)
    assert len(looks) < 120  # one a step; and each thread looks when it begins and when it ends


def test_a_wake_is_one_threads_business(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    record = store.insert(make_record("a", is_open=True))
    advanced = threading.Semaphore(0)
    reconciler = Reconciler(store, {"test:Thing": lambda *_: advanced.release()}, _context, threads=8)
    reconciler.start()
    assert advanced.acquire(timeout=DEADLINE_S)
    looks = _looks(monkeypatch)
    for _ in range(100):
        reconciler.wake(record.key)
        assert advanced.acquire(timeout=DEADLINE_S)
    reconciler.stop()
    assert len(looks) < 350  # it is taken by one, who looks again afterwards; another one stands by


def test_a_later_time_does_not_wait_for_a_busy_thread(store: SqliteStore) -> None:
    for name in "ab":
        store.insert(make_record(name, is_open=True))
    came_again, busy = threading.Event(), threading.Event()
    times = {"a": 0, "b": 0}

    def advance(_: Context, record: Record) -> float | None:
        times[record.name] += 1
        if record.name == "b":
            busy.set()
            assert came_again.wait(DEADLINE_S)  # while "b" keeps a thread, "a" has its turn
            return None
        if times["a"] == 1:
            assert busy.wait(DEADLINE_S)
            return 0.01
        came_again.set()
        return None

    _run(store, advance, came_again)
    assert times == {"a": 2, "b": 1}


def test_what_is_due_earlier_is_not_held_up_by_a_long_wait(store: SqliteStore) -> None:
    record = store.insert(make_record("a", is_open=True))
    first, second = threading.Event(), threading.Event()

    def advance(_: Context, __: Record) -> float:
        (second if first.is_set() else first).set()
        return 3600

    reconciler = Reconciler(store, {"test:Thing": advance}, _context, threads=2)
    reconciler.start()
    assert first.wait(DEADLINE_S)
    reconciler.wake(record.key, after_s=0.01)
    assert second.wait(DEADLINE_S)
    reconciler.stop()
