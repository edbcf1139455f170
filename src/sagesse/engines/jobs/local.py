"""Jobs as processes of this machine, each with its own view of it, under a supervisor that outlives the server."""

import os
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from sagesse.engines.jobs.base import JobEngineError, Plan, PythonEntry, Run, ended_run
from sagesse.engines.jobs.exit_watcher import ExitWatcher
from sagesse.engines.jobs.run_folders import RunFolders
from sagesse.engines.jobs.zygote_client import BUILTIN, Zygotes
from sagesse.runtime import run_folder
from sagesse.runtime.run_folder import Outcome, Status

_END_S = 10.0


class LocalJobs:
    """A `JobEngine` of local processes. Several objects, also in several processes, may share one folder.

    Args:
        root: one folder per run below ``runs``; the zygotes' sockets below ``zygotes``; packages that jobs
            asked for below ``cache``.
        environments: interpreters by name; each must have Sagesse's own dependencies.
        hidden: files and folders that no job sees (the server's data and secrets), but for its own; needs isolation
            level 1 or 2. `root` may lie in one of them.
        shown: folders that every job sees though they lie in a hidden one.
        best_level: the furthest isolation to use, 1 to 3; a machine may give less.
    """

    def __init__(
        self,
        root: Path,
        *,
        environments: Mapping[str, str] = BUILTIN,
        hidden: Sequence[Path] = (),
        shown: Sequence[Path] = (),
        best_level: int = 1,
    ) -> None:
        self._runs = RunFolders(root.resolve() / "runs")
        self._zygotes = Zygotes(root.resolve() / "zygotes", environments)
        self._hidden = [str(path.resolve()) for path in hidden]
        self._best_level = best_level
        self._cache = str(root.resolve() / "cache")
        self._shown = [self._cache, *(str(path.resolve()) for path in shown)]
        self._watcher = ExitWatcher()

    def folder(self, run_id: str) -> Path:
        """See `JobEngine.folder`."""
        return self._runs.make(run_id)

    def ensure(self, plan: Plan) -> Run:
        """See `JobEngine.ensure`."""
        folder = self.folder(plan.run_id)
        for _ in range(3):
            if (folder / run_folder.STARTED).exists():
                return self.look(plan.run_id)
            run_folder.write(folder / run_folder.PLAN, self._with_cache(plan))
            self._fork(plan, folder)
        raise JobEngineError(f"run {plan.run_id} could not be started")

    def look(self, run_id: str) -> Run:
        """See `JobEngine.look`."""
        run, supervisor = self._look(run_id)
        if supervisor is not None:
            self._watcher.add(run_id, supervisor)
        return run

    def wait(self, run_id: str, timeout_s: float | None = None) -> Run:
        """See `JobEngine.wait`."""
        run, supervisor = self._look(run_id)
        if supervisor is None:
            return run
        _wait_for_end(supervisor, timeout_s)
        return self.look(run_id)

    def watch(self, on_exit: Callable[[str], None]) -> None:
        """See `JobEngine.watch`."""
        self._watcher.listen(on_exit)

    def stop(self, run_id: str) -> None:
        """See `JobEngine.stop`."""
        folder = self.folder(run_id)
        (folder / run_folder.STOP).touch()
        self._end(run_id, folder, signal.SIGTERM, wait_s=0.0)

    def discard(self, run_id: str) -> None:
        """See `JobEngine.discard`."""
        folder = self._runs.path(run_id)
        if not folder.exists():
            return
        if not (folder / run_folder.EXIT).exists():  # the last that a supervisor writes
            self._end(run_id, folder, signal.SIGUSR1, wait_s=_END_S)
        self._runs.remove(run_id)

    def runs(self) -> list[str]:
        """See `JobEngine.runs`."""
        return self._runs.ids()

    def close(self) -> None:
        """See `JobEngine.close`."""
        self._watcher.close()

    def warm(self, preload: tuple[str, ...] = (), environment: str = "builtin") -> None:
        """Start the zygote that jobs with these imports will use; returns before its imports are done."""
        self._zygotes.warm(environment, preload)

    def stop_zygotes(self) -> None:
        """End the pre-loaded parents (``sagesse down``); running jobs go on."""
        self._zygotes.stop()

    def _with_cache(self, plan: Plan) -> Plan:
        """Tell script mode where it may keep what pip installed for later jobs."""
        return msgspec.structs.replace(plan, environment={"SAGESSE_CACHE": self._cache, **plan.environment})

    def _fork(self, plan: Plan, folder: Path) -> None:
        environment, preload = "builtin", ()
        if isinstance(plan.entry, PythonEntry):
            environment, preload = plan.entry.environment, plan.entry.preload
        request = {
            "run": str(folder),
            "hidden": self._hidden,
            "shown": self._shown,
            "best_level": self._best_level,
        }
        self._zygotes.fork(environment, preload, request)

    def _look(self, run_id: str) -> tuple[Run, int | None]:
        """Where the run stands and, when it is not final, a pidfd of its supervisor that the caller must close."""
        folder = self._runs.path(run_id)
        log = folder / run_folder.LOG
        supervisor = _supervisor(folder)
        if supervisor is not None:
            status = run_folder.read(folder / run_folder.STATUS, Status)
            if status is None:
                return Run("preparing", log), supervisor
            return Run("running", log, started=status.started, isolation_level=status.level), supervisor
        outcome = run_folder.read(folder / run_folder.EXIT, Outcome)
        if outcome is not None:
            return ended_run(log, outcome), None
        return Run("lost" if (folder / run_folder.STARTED).exists() else "preparing", log), None

    def _end(self, run_id: str, folder: Path, how: signal.Signals, *, wait_s: float) -> None:
        supervisor = _supervisor(folder)
        if supervisor is None:
            _forestall(folder)
            supervisor = _supervisor(folder)  # it may have been started just before
        if supervisor is None:
            return
        try:
            signal.pidfd_send_signal(supervisor, how)
            if wait_s and not _has_ended(supervisor, wait_s):
                raise JobEngineError(f"run {run_id} does not end")
        except ProcessLookupError:
            pass
        finally:
            os.close(supervisor)


def _supervisor(folder: Path) -> int | None:
    """A pidfd of the run's live supervisor.

    The claim is looked at again after the pidfd is open: still held by the same process, so the number
    cannot have passed on to another one.
    """
    pid = run_folder.holder(folder)
    if pid is None:
        return None
    try:
        supervisor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    if run_folder.holder(folder) != pid:
        os.close(supervisor)
        return None
    return supervisor


def _forestall(folder: Path) -> None:
    """Take the right to start from everyone, so that the run never starts."""
    claim = run_folder.claim(folder)
    if claim is None:
        return
    run_folder.write(folder / run_folder.EXIT, Outcome(reason="stopped", ended=time.time()), durable=True)
    claim.release()


def _has_ended(supervisor: int, timeout_s: float | None) -> bool:
    poll = select.poll()
    poll.register(supervisor, select.POLLIN)
    return bool(poll.poll(None if timeout_s is None else timeout_s * 1000))


def _wait_for_end(supervisor: int, timeout_s: float | None) -> None:
    try:
        _has_ended(supervisor, timeout_s)
    finally:
        os.close(supervisor)
