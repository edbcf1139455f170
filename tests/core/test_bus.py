"""The bus over a real store: order, positions, and subscribers that fail."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sagesse.core import bus, subscription
from sagesse.core.bus import Bus
from sagesse.core.event import Delivery, Event, pack
from sagesse.core.event_pattern import BadPattern
from sagesse.core.journal import Journal
from sagesse.core.record import Told
from sagesse.core.store_sqlite import SqliteStore
from sagesse.testing.clock import HandClock
from sagesse.testing.store import make_event, make_record

from .test_journal import make_delivery

DEADLINE_S = 30
ALL = {"source": ["test"]}


class Seen:
    """What a subscriber was told, and waiting until it was told so much."""

    def __init__(self, is_refused: Callable[[str], bool] = lambda _: False) -> None:
        self.types: list[str] = []
        self._is_refused = is_refused
        self._changed = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._changed:
            self.types.append(event.detail_type)
            self._changed.notify_all()
        if self._is_refused(event.detail_type):
            raise ValueError("no")

    def wait(self, count: int) -> list[str]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.types) >= count, DEADLINE_S), self.types
        return self.types


class Bench:
    """A store, a journal, and buses one after the other."""

    def __init__(self, folder: Path) -> None:
        self.store = SqliteStore(folder / "records.db")
        self.journal = Journal(folder / "events.db", clock=HandClock())
        self.bus = Bus(self.journal, (self.store.outbox,))
        self.store.insert(make_record("r"))

    def tell(self, *detail_types: str) -> None:
        for detail_type in detail_types:
            self.store.update(
                make_record("r").key, lambda record, kind=detail_type: Told(record, [make_event(kind)])
            )

    def restart(self) -> None:
        self.bus.stop()
        self.bus = Bus(self.journal, (self.store.outbox,))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.bus.stop()
    bench.journal.close()
    bench.store.close()


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers that failed are tried again at once."""
    monkeypatch.setattr(subscription, "_FIRST_PAUSE_S", 0.001)


def test_a_subscriber_is_told_in_order_what_matches(bench: Bench) -> None:
    seen, others = Seen(), Seen()
    bench.bus.subscribe("me", ALL, seen)
    bench.bus.subscribe("other", {"detail-type": ["b"]}, others)
    bench.bus.start()
    bench.tell("a", "b", "c")
    assert seen.wait(3) == ["a", "b", "c"]
    assert others.wait(1) == ["b"]
    bench.bus.move()
    assert bench.store.outbox.waiting(9) == []


def test_a_new_subscriber_begins_with_what_happens_from_now_on(bench: Bench) -> None:
    bench.bus.start()
    bench.tell("before")
    bench.bus.move()
    seen = Seen()
    bench.bus.subscribe("me", ALL, seen)
    bench.tell("after")
    assert seen.wait(1) == ["after"]


def test_what_happened_while_no_bus_ran_is_told_later(bench: Bench) -> None:
    bench.bus.subscribe("me", ALL, Seen())
    bench.restart()
    bench.tell("meanwhile")
    seen = Seen()
    bench.bus.subscribe("me", ALL, seen)
    bench.bus.start()
    assert seen.wait(1) == ["meanwhile"]


def test_a_subscriber_goes_on_where_it_was(bench: Bench) -> None:
    first, second = Seen(), Seen()
    bench.bus.subscribe("me", ALL, first)
    bench.bus.start()
    bench.tell("a")
    first.wait(1)
    bench.restart()
    bench.bus.subscribe("me", ALL, second)
    bench.bus.start()
    bench.tell("b")
    assert second.wait(1) == ["b"]


@pytest.mark.usefixtures("no_pause")
def test_a_subscriber_that_raises_gets_the_same_event_again_and_stops_nobody(bench: Bench) -> None:
    failing = Seen(is_refused=lambda kind: kind == "b" and failing.types.count("b") < 3)
    fine = Seen()
    bench.bus.subscribe("failing", ALL, failing)
    bench.bus.subscribe("fine", ALL, fine)
    bench.bus.start()
    bench.tell("a", "b", "c")
    assert failing.wait(5) == ["a", "b", "b", "b", "c"]
    assert fine.wait(3) == ["a", "b", "c"]


def test_a_subscriber_that_blocks_stops_nobody(bench: Bench) -> None:
    gate, fine = threading.Event(), Seen()
    bench.bus.subscribe("blocked", ALL, lambda _: gate.wait(DEADLINE_S) and None)
    bench.bus.subscribe("fine", ALL, fine)
    bench.bus.start()
    bench.tell("a", "b")
    assert fine.wait(2) == ["a", "b"]
    gate.set()


def test_what_a_subscriber_has_not_had_survives_the_sweep(bench: Bench) -> None:
    bench.journal._kept = 0  # the test turns the retention down
    bench.bus.subscribe("me", ALL, Seen())
    bench.tell("a", "b")
    bench.bus.move()
    bench.bus.sweep()
    assert len(bench.journal.entries(after=0, limit=9)) == 2


def test_a_receiver_gets_the_deliveries_that_waited(bench: Bench) -> None:
    bench.journal.append([pack(make_delivery("sqs")), pack(make_delivery("sns"))])
    got: list[Delivery] = []
    done = threading.Event()
    bench.bus.receive("sqs", lambda delivery: got.append(delivery) or done.set())
    bench.bus.start()
    assert done.wait(DEADLINE_S)
    assert got == [make_delivery("sqs")]


def test_a_name_is_taken_once_and_a_pattern_must_be_one(bench: Bench) -> None:
    bench.bus.subscribe("me", ALL, Seen())
    with pytest.raises(ValueError, match="'me'"):
        bench.bus.subscribe("me", ALL, Seen())
    with pytest.raises(BadPattern):
        bench.bus.subscribe("you", {}, Seen())


def test_what_is_told_in_a_burst_goes_together(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "_GATHER_S", DEADLINE_S)
    seen = Seen()
    bench.bus.subscribe("me", ALL, seen)
    bench.tell("first")
    bench.bus.start()
    seen.wait(1)
    bench.tell("second", "third")
    assert len(bench.store.outbox.waiting(9)) == 2
    bench.restart()  # and stopping does not wait
    bench.bus.subscribe("me", ALL, later := Seen())
    bench.bus.start()
    assert later.wait(2) == ["second", "third"]
