import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sagesse.wire.eager import begin


def run(work: Callable[[list[str]], Coroutine[Any, Any, None]]) -> list[str]:
    """What `work`, begun at once, noted, after a "begun" of whoever began it."""
    notes: list[str] = []

    async def main() -> None:
        task = begin(work(notes), asyncio.get_running_loop())
        notes.append("begun")
        if task is not None:
            await task

    asyncio.run(main())
    return notes


def test_what_waits_for_nothing_is_done_at_once() -> None:
    async def work(notes: list[str]) -> None:
        notes.append("done")

    assert run(work) == ["done", "begun"]


def test_what_waits_goes_on_in_a_task() -> None:
    async def work(notes: list[str]) -> None:
        for number in range(3):
            notes.append(str(number))
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        async with asyncio.timeout(10):
            notes.append(await asyncio.to_thread(str, "thread"))

    assert run(work) == ["0", "begun", "1", "2", "thread"]


def test_a_failure_of_what_it_waits_for_is_its_own() -> None:
    async def work(notes: list[str]) -> None:
        loop = asyncio.get_running_loop()
        failing = loop.create_future()
        loop.call_soon(failing.set_exception, ValueError("no"))
        try:
            await failing
        except ValueError as error:
            notes.append(str(error))
        await asyncio.sleep(0)
        notes.append("after")

    assert run(work) == ["begun", "no", "after"]


def test_cancelling_the_task_cancels_the_coroutine() -> None:
    notes: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            notes.append("undone")

    async def main() -> None:
        task = begin(work(), asyncio.get_running_loop())
        assert task is not None
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert notes == ["undone"]


def test_a_failure_at_once_is_the_callers() -> None:
    async def work() -> None:
        raise ValueError("no")

    async def main() -> None:
        with pytest.raises(ValueError, match="no"):
            begin(work(), asyncio.get_running_loop())

    asyncio.run(main())
