"""The conformance suite of a `ServingEngine`: subclass it in a test module and say how to open one.

Tests need no plugin: each runs its coroutine in an event loop of its own, uvloop's as in the server.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest
import uvloop

from sagesse.engines.serving.base import (
    Answer,
    Invocation,
    InvocationTimeout,
    ServerGone,
    ServerPlan,
    ServingEngine,
    WorkerDied,
)

_PATIENCE_S = 30.0


class OpenedEngine(Protocol):
    """A serving engine that the suite opened."""

    @property
    def engine(self) -> ServingEngine:
        """The engine."""
        ...

    def kill(self, server_id: str) -> None:
        """End the process of a server as a crash would."""
        ...


def echo_plan(folder: Path, **changes: object) -> ServerPlan:
    """A plan that serves `sagesse.testing.serving_model` from an empty model folder."""
    folder.mkdir(parents=True, exist_ok=True)
    fields: dict[str, object] = {
        "source": "sagesse.testing.serving_model:load",
        "model_dir": folder,
    } | changes
    return ServerPlan(**fields)  # pyright: ignore[reportArgumentType] - the caller's responsibility


async def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds; fails the test when it takes half a minute."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.002)


class ServingEngineSuite:
    """Every serving engine passes these; override `open`."""

    def open(self, folder: Path) -> AbstractAsyncContextManager[OpenedEngine]:
        """An engine that keeps its files in `folder`. Leaving ends the engine object, not its servers.

        It must notice a dead server at once and a hanging one within two seconds, and start a server anew
        without delay.
        """
        raise NotImplementedError

    def test_a_server_answers(self, tmp_path: Path) -> None:
        """A request comes back with status, type, body and the measured latency."""

        async def check(engine: ServingEngine) -> None:
            answer = await _ask(engine, b"hi")

            assert (answer.status, answer.content_type, answer.body) == (200, "text/plain", b"1:hi")
            assert answer.model_latency_us > 0

        self._with_server(tmp_path, check)

    def test_requests_at_once_share_predicts_and_keep_their_answers(self, tmp_path: Path) -> None:
        """64 callers each get their own answer, in fewer predicts."""

        async def check(engine: ServingEngine) -> None:
            answers = await asyncio.gather(*(_ask(engine, b"%d" % number) for number in range(64)))

            texts = [answer.body.partition(b":") for answer in answers]
            assert [text for _, _, text in texts] == [b"%d" % number for number in range(64)]
            assert max(int(size) for size, _, _ in texts) > 8

        self._with_server(tmp_path, check)

    def test_a_bad_request_fails_alone(self, tmp_path: Path) -> None:
        """Its neighbours in the batch are answered."""

        async def check(engine: ServingEngine) -> None:
            answers = await asyncio.gather(*(_ask(engine, body) for body in (b"a", b"poison", b"bad", b"b")))

            assert [answer.status for answer in answers] == [200, 500, 400, 200]

        self._with_server(tmp_path, check)

    def test_ensuring_again_finds_the_same_server(self, tmp_path: Path) -> None:
        """It is not started twice."""

        async def check(engine: ServingEngine) -> None:
            run_id = engine.look("s").run_id

            assert engine.ensure("s", echo_plan(tmp_path / "model")).run_id == run_id

        self._with_server(tmp_path, check)

    def test_a_server_that_died_is_started_again(self, tmp_path: Path) -> None:
        """The next request waits for it and is answered."""

        async def run() -> None:
            async with self._serving(tmp_path) as opened:
                before = opened.engine.look("s").run_id
                opened.kill("s")
                await until(lambda: opened.engine.look("s").run_id != before)

                assert (await _ask(opened.engine, b"hi")).status == 200
                assert opened.engine.look("s").restarts == 1

        uvloop.run(run())

    def test_a_request_that_kills_its_server_is_told(self, tmp_path: Path) -> None:
        """Not a byte of the reply came, so it may be sent again."""

        async def check(engine: ServingEngine) -> None:
            with pytest.raises(WorkerDied) as died:
                await _ask(engine, b"die")
            assert died.value.may_retry

        self._with_server(tmp_path, check)

    def test_a_model_that_hangs_times_out_and_is_started_again(self, tmp_path: Path) -> None:
        """The request ends in time; the server that does not come back is replaced.

        Over a second: a patience that a loaded machine does not exceed by accident has to pass.
        """

        async def check(engine: ServingEngine) -> None:
            with pytest.raises(InvocationTimeout):
                await engine.invoke("s", Invocation(b"hang", timeout_s=0.1))
            await until(lambda: engine.look("s").restarts == 1)

            assert (await _ask(engine, b"hi")).status == 200

        self._with_server(tmp_path, check)

    def test_a_model_that_cannot_be_loaded_fails(self, tmp_path: Path) -> None:
        """The state says why."""
        plan = echo_plan(tmp_path / "model")
        (tmp_path / "model" / "broken").touch()

        async def run() -> None:
            async with self.open(tmp_path / "engine") as opened, _retiring(opened.engine):
                opened.engine.ensure("s", plan)

                assert not await opened.engine.settle(["s"], _PATIENCE_S)
                assert opened.engine.look("s").phase == "failed"
                assert "this model is broken" in opened.engine.look("s").reason

        uvloop.run(run())

    def test_a_new_engine_adopts_running_servers(self, tmp_path: Path) -> None:
        """After a restart of the platform the same process goes on."""

        async def run() -> None:
            async with self.open(tmp_path / "engine") as first:
                first.engine.ensure("s", echo_plan(tmp_path / "model"))
                assert await first.engine.settle(["s"], _PATIENCE_S)
                run_id = first.engine.look("s").run_id
            async with self._serving(tmp_path) as second:
                assert second.engine.look("s").run_id == run_id
                assert (await _ask(second.engine, b"hi")).status == 200

        uvloop.run(run())

    def test_retiring_lets_requests_finish(self, tmp_path: Path) -> None:
        """Those under way are answered, later ones are refused, and nothing is left at the end."""

        async def check(engine: ServingEngine) -> None:
            large = b"slow" + bytes(100_000)  # more than one read takes
            under_way = asyncio.gather(*(_ask(engine, large) for _ in range(16)))
            await asyncio.sleep(0)  # they are under way
            engine.retire("s")
            await until(lambda: engine.look("s").phase == "gone")

            with pytest.raises(ServerGone):
                await engine.invoke("s", Invocation(b"late"))
            assert {answer.status for answer in await under_way} == {200}
            await until(lambda: engine.retire("s"))

        self._with_server(tmp_path, check)

    def test_retiring_a_server_that_nobody_knows_is_done(self, tmp_path: Path) -> None:
        """There is nothing to end."""

        async def run() -> None:
            async with self.open(tmp_path / "engine") as opened:
                assert opened.engine.retire("never")

        uvloop.run(run())

    def test_servers_of_an_earlier_life_can_be_retired(self, tmp_path: Path) -> None:
        """Without their plan."""

        async def run() -> None:
            async with self.open(tmp_path / "engine") as first:
                first.engine.ensure("s", echo_plan(tmp_path / "model"))
                assert await first.engine.settle(["s"], _PATIENCE_S)
            async with self.open(tmp_path / "engine") as second:
                await until(lambda: second.engine.retire("s"))

        uvloop.run(run())

    def test_an_unknown_server_is_gone(self, tmp_path: Path) -> None:
        """It cannot be picked, awaited or asked."""

        async def run() -> None:
            async with self.open(tmp_path / "engine") as opened:
                assert opened.engine.pick(["no"]) is None
                assert not await opened.engine.settle(["no"], _PATIENCE_S)
                with pytest.raises(ServerGone):
                    await opened.engine.invoke("no", Invocation(b""))

        uvloop.run(run())

    def _with_server(self, tmp_path: Path, check: Callable[[ServingEngine], Awaitable[None]]) -> None:
        async def run() -> None:
            async with self._serving(tmp_path) as opened:
                await check(opened.engine)

        uvloop.run(run())

    @asynccontextmanager
    async def _serving(self, tmp_path: Path) -> AsyncGenerator[OpenedEngine]:
        """An engine with the healthy server "s", which is retired at the end."""
        async with self.open(tmp_path / "engine") as opened, _retiring(opened.engine):
            opened.engine.ensure("s", echo_plan(tmp_path / "model"))
            assert await opened.engine.settle(["s"], _PATIENCE_S), opened.engine.look("s")
            yield opened


@asynccontextmanager
async def _retiring(engine: ServingEngine) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await until(lambda: engine.retire("s", drain=False))


async def _ask(engine: ServingEngine, body: bytes) -> Answer:
    """As a gateway asks: a server that was just lost is waited for."""
    while True:
        assert await engine.settle(["s"], _PATIENCE_S), engine.look("s")
        with contextlib.suppress(ServerGone):
            return await engine.invoke("s", Invocation(body, "text/plain"))
