"""Local model servers pass the suite of serving engines; and what is special about them."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sagesse.engines.jobs.local import LocalJobs
from sagesse.engines.serving.local import LocalServing
from sagesse.engines.serving.server import Timing
from sagesse.runtime.process import descendants
from sagesse.runtime.run_folder import holder
from sagesse.testing.serving_engine import OpenedEngine, ServingEngineSuite

_TIMING = Timing(tick=0.05, ping=1.0, busy=1.0, backoff=0.01, longest_backoff=0.05, grace=0.2)


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
