"""Local model servers pass the suite of serving engines; and what is special about them."""

import asyncio
import http.client
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import uvloop

from sagesse.engines.jobs.local import LocalJobs
from sagesse.engines.serving.base import Invocation, WorkerDied
from sagesse.engines.serving.gateway import Gateway
from sagesse.engines.serving.local import LocalServing
from sagesse.engines.serving.meter import InvocationMeter
from sagesse.engines.serving.routing import RoutingTable, Variant
from sagesse.engines.serving.server import Timing
from sagesse.runtime.process import descendants
from sagesse.runtime.run_folder import holder
from sagesse.testing.serving_engine import OpenedEngine, ServingEngineSuite, echo_plan, until

_TIMING = Timing(tick=0.05, ping=10.0, busy=1.5, backoff=0.01, longest_backoff=0.05, grace=0.2)


@pytest.fixture(scope="module")
def zygote_folder(tmp_path_factory: pytest.TempPathFactory):
    """One jobs folder for the module, so that its zygote starts once."""
    folder = tmp_path_factory.mktemp("jobs")
    yield folder
    jobs = LocalJobs(folder)
    jobs.stop_zygotes()
    jobs.close()


class Opened:
    def __init__(self, engine: LocalServing, jobs: LocalJobs) -> None:
        self.engine = engine
        self._jobs = jobs

    def kill(self, server_id: str) -> None:
        supervisor = holder(self._jobs.folder(self.engine.look(server_id).run_id))
        assert supervisor is not None
        for pid in descendants(supervisor):
            with suppress(ProcessLookupError):  # the first of them takes the others with it
                os.kill(pid, signal.SIGKILL)


class TestLocalServing(ServingEngineSuite):
    @pytest.fixture(autouse=True)
    def _jobs_folder(self, zygote_folder: Path, request: pytest.FixtureRequest) -> None:
        self._folder = zygote_folder

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[OpenedEngine]:
        jobs = LocalJobs(self._folder)
        engine = LocalServing(jobs, folder, timing=_TIMING)
        await engine.open()
        try:
            yield Opened(engine, jobs)
        finally:
            await engine.close()
            jobs.close()


def _opened(
    folder: Path, zygotes: Path, best_level: int = 1, **options: object
) -> "AbstractAsyncContextManager[LocalServing]":
    @asynccontextmanager
    async def opened() -> AsyncIterator[LocalServing]:
        jobs = LocalJobs(zygotes, best_level=best_level)
        engine = LocalServing(jobs, folder / "engine", timing=_TIMING, **options)  # type: ignore[arg-type]
        await engine.open()
        try:
            yield engine
        finally:
            for server_id in ("a", "b"):
                await until(partial(engine.retire, server_id, drain=False))
            await engine.close()
            jobs.close()

    return opened()


def test_requests_go_to_the_server_with_the_fewest(tmp_path: Path, zygote_folder: Path) -> None:
    async def run() -> None:
        async with _opened(tmp_path, zygote_folder) as engine:
            for server_id in ("a", "b"):
                engine.ensure(server_id, echo_plan(tmp_path / "model"))
            await until(lambda: {engine.look(name).phase for name in ("a", "b")} == {"healthy"})

            first = engine.pick(["a", "b"])
            assert first is not None
            under_way = asyncio.ensure_future(engine.invoke(first, Invocation(b"slow")))
            await asyncio.sleep(0)

            assert engine.pick(["a", "b"]) == ({"a", "b"} - {first}).pop()
            await under_way

    uvloop.run(run())


def test_a_request_that_kills_servers_fails_alone(tmp_path: Path, zygote_folder: Path) -> None:
    async def run() -> None:
        async with _opened(tmp_path, zygote_folder) as engine:
            engine.ensure("a", echo_plan(tmp_path / "model"))
            routes = RoutingTable()
            routes.set(("1", "r", "e"), [Variant("v", 1.0, ("a",))])
            gateway = Gateway(routes, engine, InvocationMeter())
            bodies = [
                *(b"%d" % number for number in range(8)),
                b"die",
                *(b"x%d" % number for number in range(8)),
            ]

            served = await asyncio.gather(
                *(gateway.invoke(("1", "r", "e"), Invocation(body)) for body in bodies),
                return_exceptions=True,
            )

            failed = [
                body for body, answer in zip(bodies, served, strict=True) if isinstance(answer, Exception)
            ]
            assert failed == [b"die"]

    uvloop.run(run())


def test_a_server_without_namespaces_answers(tmp_path: Path, zygote_folder: Path) -> None:
    async def run() -> None:
        async with _opened(tmp_path, zygote_folder, best_level=3) as engine:
            engine.ensure("a", echo_plan(tmp_path / "model"))
            assert await engine.settle(["a"], 30), engine.look("a")

            assert (await engine.invoke("a", Invocation(b"hi"))).body == b"1:hi"

    uvloop.run(run())


def test_the_log_of_every_run_is_offered_before_it_goes(tmp_path: Path, zygote_folder: Path) -> None:
    logs: dict[str, str] = {}

    def keep(server_id: str, run_id: str, log: Path) -> None:
        logs[run_id] = log.read_text()

    async def run() -> None:
        async with _opened(tmp_path, zygote_folder) as engine:
            engine.watch(keep)
            engine.ensure("a", echo_plan(tmp_path / "model"))
            assert await engine.settle(["a"], 30)
            with pytest.raises(WorkerDied):
                await engine.invoke("a", Invocation(b"die"))
            await until(lambda: engine.look("a").restarts == 1)
            assert await engine.settle(["a"], 30)

    uvloop.run(run())
    assert sorted(logs) == ["serve-a-1", "serve-a-2"]
    assert all("serving sagesse.testing.serving_model:load" in log for log in logs.values())


def test_changes_are_told(tmp_path: Path, zygote_folder: Path) -> None:
    told: list[str] = []

    async def run() -> None:
        async with _opened(tmp_path, zygote_folder, on_change=told.append) as engine:
            engine.ensure("a", echo_plan(tmp_path / "model"))
            assert await engine.settle(["a"], 30)

    uvloop.run(run())
    assert set(told) == {"a"}
    assert len(told) >= 4  # started, healthy, retiring, gone


def test_the_model_is_served_over_http_as_well(tmp_path: Path, zygote_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def run() -> None:
        async with _opened(tmp_path, zygote_folder) as engine:
            plan = echo_plan(tmp_path / "model", environment={"SAGEMAKER_BIND_TO_PORT": str(port)})
            engine.ensure("a", plan)
            assert await engine.settle(["a"], 30)
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            client.request("POST", "/invocations", b"hi")

            assert client.getresponse().read() == b"1:hi"
            client.close()

    uvloop.run(run())


def test_a_bad_model_fails_at_once_with_the_loaders_words(tmp_path: Path, zygote_folder: Path) -> None:
    async def run() -> None:
        async with _opened(tmp_path, zygote_folder) as engine:
            engine.ensure("a", echo_plan(tmp_path / "model", source="script"))
            assert not await engine.settle(["a"], 30)

            assert engine.look("a").reason == (
                "ClientError: The model has no code/inference.py; name the script in SAGEMAKER_PROGRAM."
            )
            assert engine.look("a").restarts == 0

    uvloop.run(run())


@pytest.mark.parametrize("trap", ["os.mkfifo(failure)", "os.symlink('/etc/passwd', failure)"])
def test_a_failure_file_that_is_a_trap_is_not_read(trap: str, tmp_path: Path, zygote_folder: Path) -> None:
    """The pipe would stop the event loop, the link would tell a client what is in the server's files."""
    model = tmp_path / "model"
    (model / "code").mkdir(parents=True)
    (model / "code/inference.py").write_text(
        "import os\n"
        "failure = os.environ.get('SAGEMAKER_BASE_DIR', '/opt/ml') + '/output/failure'\n"
        f"os.makedirs(os.path.dirname(failure))\n{trap}\nos._exit(3)\n"
    )

    async def run() -> None:
        async with _opened(tmp_path, zygote_folder) as engine:
            engine.ensure("a", echo_plan(model, source="script"))
            assert not await engine.settle(["a"], 30)

            assert engine.look("a").reason == "its process ended with exit code 3"

    uvloop.run(run())


def test_a_server_that_takes_too_long_to_load_has_failed(tmp_path: Path, zygote_folder: Path) -> None:
    model = tmp_path / "model"
    (model / "code").mkdir(parents=True)
    (model / "code/inference.py").write_text("import time\ntime.sleep(600)\n")

    async def run() -> None:
        async with _opened(tmp_path, zygote_folder) as engine:
            engine.ensure("a", echo_plan(model, source="script", startup_timeout_s=0.2))
            assert not await engine.settle(["a"], 30)

            assert "did not pass the health check within 0 s" in engine.look("a").reason
            assert engine.look("a").restarts == 0

    uvloop.run(run())


def test_a_server_id_cannot_leave_its_folder(tmp_path: Path) -> None:
    jobs = LocalJobs(tmp_path)
    engine = LocalServing(jobs, tmp_path)
    with pytest.raises(ValueError, match="not a server id"):
        engine.retire("../x")
    jobs.close()
