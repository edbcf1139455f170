"""One model server over its life: started, connected, watched, started again when it dies, ended."""

import asyncio
import contextlib
import logging
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

from sagesse.engines.jobs.base import JobEngine, JobEngineError, Plan, PythonEntry, Run
from sagesse.engines.serving.base import ServerPlan, ServerState
from sagesse.engines.serving.wire import Wire
from sagesse.runtime.contract import read_failure
from sagesse.runtime.serve import address
from sagesse.runtime.serve.message import EXIT_BAD_MODEL

_SOCKET = "serve.sock"
_FIRST_LOOK_S = 0.005
_LONGEST_LOOK_S = 0.25
_STEP_S = 0.2  # no step in a thread waits longer, so that an engine can be closed
_log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Timing(NamedTuple):
    """How patient an engine is; seconds.

    Attributes:
        tick: between two looks at a healthy server.
        ping: a server with nothing to do that does not answer a ping for this long hangs.
        busy: the same for one that has requests; longer than any invocation may take.
        backoff, longest_backoff: before a server that keeps dying is started again; doubles each time.
        stable: a server that lived this long is started again at once.
        drain: requests under way get this long when a server is retired.
        grace: between SIGTERM and SIGKILL.
        attempts: how often a server that was never healthy is started.
    """

    tick: float = 1.0
    ping: float = 15.0
    busy: float = 75.0
    backoff: float = 0.5
    longest_backoff: float = 30.0
    stable: float = 60.0
    drain: float = 60.0
    grace: float = 30.0
    attempts: int = 3


class Surroundings(NamedTuple):
    """What all servers of an engine share. `on_change` is called on the loop, `on_end` in a thread."""

    jobs: JobEngine
    root: Path
    threads: ThreadPoolExecutor
    timing: Timing
    on_change: Callable[[str], None]
    on_end: Callable[[str, str, Path], None]


class Server:
    """A model server. Its methods are for the event loop; `state` may be read from any thread.

    Each start is a run of its own of the job engine (a run starts once only), numbered by a generation that is on
    disk before the run is: after a restart of the platform the same generation is found again, alive or not.

    Args:
        plan: None for a server of an earlier life of the platform that is only to be ended.
    """

    def __init__(self, server_id: str, plan: ServerPlan | None, around: Surroundings) -> None:
        self.id = server_id
        self.state = ServerState("starting")
        self.wire: Wire | None = None
        self.is_ended = False
        self._plan = plan
        self._around = around
        self._timing = around.timing
        self._folder = around.root / server_id
        self._generation = _read_number(self._folder / "generation")
        self._restarts = 0
        self._deaths = 0  # in a row, each soon after its start
        self._was_healthy = False
        self._is_too_slow = False
        self._healthy_since: float | None = None
        self._retiring = asyncio.Event()
        self._drains = True

    @property
    def run_id(self) -> str:
        """The run of the current generation."""
        return f"serve-{self.id}-{self._generation}"

    def retire(self, *, drain: bool) -> None:
        """Have `live` end the server."""
        self._drains = self._drains and drain
        if not self._retiring.is_set():
            self._retiring.set()
            self._become(ServerState("gone", "it is being retired"))

    async def live(self) -> None:
        """Everything from the first start to the end; returns when it was retired and nothing is left."""
        if self._plan is not None:
            try:
                await self._serve(self._plan)
            except Exception as error:
                _log.exception("model server %s", self.id)
                self._become(ServerState("failed", f"{type(error).__name__}: {error}"))
        await self._retiring.wait()
        await self._drain()
        await self._remove()
        self.is_ended = True
        self._around.on_change(self.id)

    async def _serve(self, plan: ServerPlan) -> None:
        """Keep it alive until it is retired or has failed."""
        while not self._retiring.is_set():
            self._healthy_since = None
            run: Run | None = None
            try:
                run = await self._start(plan)
                problem = await self._connect(plan, run) or await self._watch()
                if self._retiring.is_set():
                    return
                run = await self._in_thread(self._end_run)
            except JobEngineError as error:
                problem = str(error)
            if self._retiring.is_set() or not await self._start_over(problem, run):
                return

    async def _start(self, plan: ServerPlan) -> Run:
        if self._generation == 0:
            await self._in_thread(self._next_generation)
        run_id = self.run_id
        jobs = self._around.jobs
        folder = await self._in_thread(jobs.folder, run_id)
        for name in ("model", *(inside.removeprefix("/opt/ml/") for inside in plan.mounts)):
            (folder / "ml" / name).mkdir(parents=True, exist_ok=True)
        run = await self._in_thread(jobs.ensure, self._job(plan))
        if not self._retiring.is_set():
            phase = "unhealthy" if self._was_healthy else "starting"
            self._become(
                self.state._replace(phase=phase, run_id=run_id, log=run.log, restarts=self._restarts)
            )
        return run

    def _job(self, plan: ServerPlan) -> Plan:
        return Plan(
            run_id=self.run_id,
            entry=PythonEntry(
                module="sagesse.runtime.serve.worker",
                args=(plan.source, f"/opt/ml/{_SOCKET}", "/opt/ml/model"),
                preload=plan.preload,
            ),
            environment=plan.environment,
            mounts={
                "/opt/ml": "ml",
                "/opt/ml/model": str(plan.model_dir.resolve()),
                **{inside: str(path.resolve()) for inside, path in plan.mounts.items()},
            },
            stop_grace_s=self._timing.grace,
            isolate_network=plan.isolate_network,
            hostname="model.aws.local",
            threads=plan.threads,
            memory_bytes=plan.memory_bytes,
        )

    async def _connect(self, plan: ServerPlan, run: Run) -> str:
        """Wait until the server takes connections; what went wrong, or "" when it did not."""
        deadline = time.monotonic() + plan.startup_timeout_s
        socket_path = run.log.parent / "ml" / _SOCKET
        pause_s = _FIRST_LOOK_S
        while not self._retiring.is_set():
            with contextlib.suppress(OSError):
                client = address.connect(socket_path)
                _, self.wire = await asyncio.get_running_loop().create_unix_connection(Wire, sock=client)
                return ""
            if (await self._in_thread(self._around.jobs.look, self.run_id)).is_final:
                return "its process ended"
            if time.monotonic() > deadline:
                self._is_too_slow = not self._was_healthy
                return f"it did not pass the health check within {plan.startup_timeout_s:.0f} s"
            await self._pause(pause_s)
            pause_s = min(pause_s * 1.5, _LONGEST_LOOK_S)
        return "it was retired"

    async def _watch(self) -> str:
        """Healthy until it is not any more; why not. A server that hangs is ended."""
        wire, timing = self.wire, self._timing
        assert wire is not None
        self._was_healthy = True
        self._healthy_since = time.monotonic()
        self._become(self.state._replace(phase="healthy"))
        problem = ""
        while not problem and not self._retiring.is_set():
            retiring = asyncio.ensure_future(self._retiring.wait())
            await asyncio.wait((wire.lost, retiring), timeout=timing.tick, return_when="FIRST_COMPLETED")
            retiring.cancel()
            if wire.lost.done():
                problem = wire.lost.result()
            elif problem := wire.check(patience_s=timing.ping, busy_patience_s=timing.busy):
                wire.close()
        return problem

    async def _start_over(self, problem: str, run: Run | None) -> bool:
        """Note a death and prepare the next generation; False when it is not worth it."""
        self.wire = None
        reason = _explain(problem, run)
        since = self._healthy_since
        is_stable = since is not None and time.monotonic() - since > self._timing.stable
        self._deaths = 0 if is_stable else self._deaths + 1
        is_hopeless = self._is_too_slow or (run is not None and run.exit_code == EXIT_BAD_MODEL)
        if not self._was_healthy and (is_hopeless or self._deaths >= self._timing.attempts):
            _log.error("model server %s failed: %s", self.id, reason)
            self._become(self.state._replace(phase="failed", reason=reason))
            return False
        _log.warning("model server %s is started again: %s", self.id, reason)
        phase = "unhealthy" if self._was_healthy else "starting"
        self._become(self.state._replace(phase=phase, reason=reason))
        if self._deaths > 1:
            timing = self._timing
            await self._pause(min(timing.backoff * 2 ** min(self._deaths - 2, 10), timing.longest_backoff))
        self._restarts += 1
        await self._in_thread(self._next_generation)
        return not self._retiring.is_set()

    def _end_run(self) -> Run:
        """How the current run ended; one that is no use but lives on is stopped."""
        run = self._around.jobs.wait(self.run_id, _STEP_S)
        if not run.is_final:
            self._around.jobs.stop(self.run_id)
        return run

    async def _drain(self) -> None:
        deadline = time.monotonic() + (self._timing.drain if self._drains else 0)
        wire = self.wire
        if wire is None:
            return
        while wire.under_way and time.monotonic() < deadline and self._drains and not wire.lost.done():
            await asyncio.sleep(0.01)
        wire.close()

    async def _remove(self) -> None:
        pause_s = self._timing.backoff
        while True:
            try:
                for generation in range(max(1, self._generation - 1), self._generation + 1):
                    await self._end_run_of(generation)
                await self._in_thread(shutil.rmtree, self._folder, ignore_errors=True)
                return
            except (JobEngineError, OSError):
                _log.exception("ending model server %s", self.id)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, self._timing.longest_backoff)

    async def _end_run_of(self, generation: int) -> None:
        """End a run in good order if there is time for it; its log is offered before it goes."""
        run_id = f"serve-{self.id}-{generation}"
        deadline = time.monotonic() + (self._timing.grace if self._drains else 1.0)
        await self._in_thread(self._around.jobs.stop, run_id)
        while not (await self._in_thread(self._around.jobs.wait, run_id, _STEP_S)).is_final:
            if time.monotonic() > deadline:
                break
        await self._in_thread(self._discard, run_id)

    def _discard(self, run_id: str) -> None:
        try:
            self._around.on_end(self.id, run_id, self._around.jobs.look(run_id).log)
        except Exception:
            _log.exception("the listener for the end of run %s failed", run_id)
        self._around.jobs.discard(run_id)

    def _next_generation(self) -> None:
        """The number is on disk before the run exists. The last generation is kept for its log."""
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / "generation.new"
        with draft.open("w") as file:
            file.write(str(self._generation + 1))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / "generation")
        self._generation += 1
        if self._generation > 2:
            self._discard(f"serve-{self.id}-{self._generation - 2}")

    async def _pause(self, seconds: float) -> None:
        """Wait, but not longer than until it is retired."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._retiring.wait(), seconds)

    def _become(self, state: ServerState) -> None:
        self.state = state
        self._around.on_change(self.id)

    async def _in_thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._around.threads, lambda: work(*args, **kwargs))


def _explain(problem: str, run: Run | None) -> str:
    """Why a server died, in the words of its ``failure`` file if it left one."""
    if run is None:
        return problem
    if said := read_failure(run.log.parent / "ml"):
        return said
    if run.message:
        return f"{problem}: {run.message}"
    if run.signal is not None:
        return f"{problem} by signal {run.signal}"
    return f"{problem} with exit code {run.exit_code}" if run.exit_code is not None else problem


def _read_number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
