from collections.abc import Iterator
from pathlib import Path

import pytest

from sagesse.core.event import Delivery, pack
from sagesse.core.journal import Journal
from sagesse.testing.clock import HandClock
from sagesse.testing.store import make_event


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def journal(tmp_path: Path, clock: HandClock) -> Iterator[Journal]:
    journal = Journal(tmp_path / "events.db", clock=clock, kept_s=100, kept=3)
    yield journal
    journal.close()


def make_delivery(service: str = "sqs") -> Delivery:
    return Delivery(
        id=f"{service}-1",
        source="aws.s3",
        destination=f"arn:aws:{service}:us-east-1:123456789012:q",
        account="123456789012",
        region="us-east-1",
        time="2026-11-29T13:48:26Z",
        origin="arn:aws:s3:::b",
        body={"Records": []},
    )


def told(journal: Journal, **asked: str) -> list[str]:
    return [
        getattr(entry.message, "detail_type", "delivery")
        for entry in journal.entries(after=0, limit=99, **asked)
    ]


def append(journal: Journal, *detail_types: str) -> None:
    journal.append(pack(make_event(detail_type)) for detail_type in detail_types)


def test_messages_come_back_in_order_and_equal(journal: Journal) -> None:
    event, delivery = make_event("a"), make_delivery()
    journal.append([pack(event), pack(delivery)])
    entries = journal.entries(after=0, limit=9)
    assert [entry.message for entry in entries] == [event, delivery]
    assert entries[0].sequence < entries[1].sequence == journal.last


def test_a_message_is_in_it_once(journal: Journal) -> None:
    packed = pack(make_event("a"))
    journal.append([packed])
    journal.append([packed, pack(make_event("b"))])
    assert told(journal) == ["a", "b"]


def test_messages_are_chosen_by_service_and_source(journal: Journal) -> None:
    journal.append([pack(make_event("a")), pack(make_delivery("sqs")), pack(make_delivery("sns"))])
    assert told(journal, service="") == ["a"]
    assert len(told(journal, service="sqs")) == 1
    assert told(journal, source="test") == ["a"]


def test_the_newest_are_told_in_order(journal: Journal) -> None:
    append(journal, "a", "b", "c")
    assert [entry.message for entry in journal.newest(2)] == [
        entry.message for entry in journal.entries(after=0, limit=9)[1:]
    ]


def test_a_position_is_kept(journal: Journal) -> None:
    assert journal.position("me") is None
    journal.move("me", 7)
    assert journal.position("me") == 7


def test_old_events_go_once_everybody_had_them(journal: Journal, clock: HandClock) -> None:
    append(journal, "old", "unread")
    clock.turn(101)
    append(journal, "new")
    journal.sweep({"": 1})
    assert told(journal) == ["unread", "new"]


def test_more_events_than_are_kept_go(journal: Journal) -> None:
    append(journal, *"abcde")
    journal.sweep({"": journal.last})
    assert told(journal) == ["c", "d", "e"]


def test_deliveries_wait_for_their_service_whatever_their_age(journal: Journal, clock: HandClock) -> None:
    journal.append([pack(make_delivery("sqs")), pack(make_delivery("sns"))])
    clock.turn(1e9)
    journal.sweep({"": journal.last, "sns": journal.last})
    assert len(told(journal, service="sqs")) == 1
    assert told(journal, service="sns") == []


def test_the_order_goes_on_after_a_wipe(journal: Journal) -> None:
    append(journal, "a")
    last = journal.last
    journal.wipe()
    append(journal, "b")
    assert told(journal) == ["b"]
    assert journal.last > last
