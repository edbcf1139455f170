"""Events of selections that take their time."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sagesse.core.error import ServiceError
from sagesse.engines.select.base import Progress
from sagesse.services.s3 import _select_events
from sagesse.services.s3._select_events import SelectEvents


class Slow:
    """A selection whose second block waits until it is told to go on, or is stopped."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.goes_on = threading.Event()
        self.is_closed = False

    def records(self) -> Iterator[bytes]:
        try:
            yield b"one\n"
            assert self.goes_on.wait(30)
            yield b"two\n"
        finally:
            self.is_closed = True

    def stop(self) -> None:
        self.goes_on.set()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_select_events, "_PATIENCE_S", 0.01)


def events(selection: Any, *, has_progress: bool = False) -> SelectEvents:
    return SelectEvents(lambda: selection, asyncio.Semaphore(1), delimiter=b"\n", has_progress=has_progress)


@pytest.mark.parametrize(("has_progress", "sign"), [(False, "Cont"), (True, "Progress")])
def test_a_client_hears_that_there_is_still_work(has_progress: bool, sign: str) -> None:
    async def listen() -> list[str]:
        selection, names = Slow(), []
        async for event in await events(selection, has_progress=has_progress).start():
            names += event
            if sign in names:
                selection.goes_on.set()
        return names

    names = asyncio.run(listen())
    assert names[:2] == ["Records", sign]
    assert [name for name in names if name != sign] == ["Records", "Records", "Stats", "End"]


def test_who_stops_listening_stops_the_work() -> None:
    async def leave() -> Slow:
        selection = Slow()
        stream: Any = await events(selection).start()
        assert [name for _ in range(2) for name in await anext(stream)] == ["Records", "Cont"]
        await stream.aclose()
        return selection

    assert asyncio.run(leave()).is_closed


def test_what_fails_at_once_is_no_event() -> None:
    class Failing(Slow):
        def records(self) -> Iterator[bytes]:
            raise ServiceError("CastFailed", "no", status=400)

    with pytest.raises(ServiceError, match="CastFailed"):
        asyncio.run(events(Failing()).start())


def test_an_object_that_cannot_be_read_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_select_events, "_PATIENCE_S", 60)  # however long a thread takes to begin

    class Unreadable(Slow):
        def records(self) -> Iterator[bytes]:
            yield b""
            raise OSError

    with pytest.raises(ServiceError, match="InternalError"):
        asyncio.run(events(Unreadable()).start())
