import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.event import pack
from sagesse.core.journal import Journal
from sagesse.testing.clock import HandClock
from sagesse.testing.store import make_event
from sagesse.wire.event_view import EventView
from sagesse.wire.message import WireRequest


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventView]:
    folder: Path = tmp_path_factory.mktemp("view")
    journal = Journal(folder / "events.db", clock=HandClock())
    journal.append(pack(make_event(f"e{number}")) for number in range(1, 6))
    yield EventView(journal)
    journal.close()


def ask(view: EventView, query: str = "") -> tuple[int, Any]:
    request = WireRequest("GET", "/_sagesse/events", query, {})
    reply = asyncio.run(view(request))
    assert isinstance(reply.body, bytes)
    return reply.status, orjson.loads(reply.body)


def types(answer: Any) -> list[str]:
    return [entry["event"]["detail-type"] for entry in answer["events"]]


def test_the_newest_are_shown_in_order(view: EventView) -> None:
    status, answer = ask(view, "limit=2")
    assert (status, types(answer), answer["last"]) == (200, ["e4", "e5"], 5)


def test_after_goes_on_from_a_sequence(view: EventView) -> None:
    _, answer = ask(view, "after=1&limit=2")
    assert (types(answer), answer["last"]) == (["e2", "e3"], 3)
    assert ask(view, "after=5")[1] == {"events": [], "last": 5}


def test_a_source_may_be_asked_for(view: EventView) -> None:
    assert len(types(ask(view, "source=test")[1])) == 5
    assert types(ask(view, "source=aws.s3")[1]) == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "after=-1", "after=x", "after=9223372036854775808", "no=1"]
)
def test_what_is_not_allowed_is_refused(view: EventView, query: str) -> None:
    status, answer = ask(view, query)
    assert status == 400
    assert "allowed" in answer["message"] or "is not a number from" in answer["message"]


@given(st.text(max_size=30))
def test_any_query_is_answered_or_refused(view: EventView, query: str) -> None:
    assert ask(view, query)[0] in {200, 400}
