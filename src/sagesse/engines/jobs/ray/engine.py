"""Jobs as actors on a Ray cluster; this is the server's side, which does not import Ray."""

import importlib.util
import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from sagesse.engines.jobs.base import JobEngineError, Plan, Run
from sagesse.engines.jobs.ray.driver_client import DriverClient
from sagesse.engines.jobs.ray.home import NODE_ROOT, Home, folder_id
from sagesse.engines.jobs.ray.mirror import Mirror
from sagesse.engines.jobs.run_folders import RunFolders

_STEP_S = 1.0
_logger = logging.getLogger(__name__)


class RayJobs:
    """A `JobEngine` on a Ray cluster of which this machine is a node. One object at a time may have a folder.

    Args:
        root: one folder per run below ``runs``, as `LocalJobs` has them; nodes that see it run jobs right there.
        address: ``auto``, or host and port of the cluster's head.
        hidden, shown: see `LocalJobs`.
        node_root: where nodes that do not see `root` keep their runs.
        ships: treat all nodes as such.
        python: the interpreter of the driver; it has Ray and Sagesse.

    Raises:
        JobEngineError: Ray is not installed.
    """

    def __init__(
        self,
        root: Path,
        address: str = "auto",
        *,
        hidden: Sequence[Path] = (),
        shown: Sequence[Path] = (),
        node_root: str = NODE_ROOT,
        ships: bool = False,
        python: str = sys.executable,
    ) -> None:
        if python == sys.executable and importlib.util.find_spec("ray") is None:
            raise JobEngineError('Ray is not installed; install it with: pip install "sagesse[ray]"')
        root = root.resolve()
        root.mkdir(parents=True, exist_ok=True)
        self._runs = RunFolders(root / "runs")
        home = Home(
            root=str(root),
            id=folder_id(root),
            hidden=tuple(str(path.resolve()) for path in hidden),
            shown=tuple(str(path.resolve()) for path in shown),
            node_root=node_root,
            ships=ships,
        )
        command = [python, "-P", "-m", "sagesse.engines.jobs.ray.driver", "--address", address]
        command += ["--home", msgspec.json.encode(home).decode()]
        self._driver = DriverClient(command, root / "driver.log", self._tell)
        self._listeners: list[Callable[[str], None]] = []
        self._news = threading.Condition()
        self._wishes = threading.Lock()

    def folder(self, run_id: str) -> Path:
        """See `JobEngine.folder`."""
        return self._runs.make(run_id)

    def ensure(self, plan: Plan) -> Run:
        """See `JobEngine.ensure`."""
        mirror = Mirror(self.folder(plan.run_id))
        with self._wishes:
            if not mirror.is_over:
                mirror.ask(plan)
        if not mirror.is_over:
            self._driver.ask("ensure", plan.run_id)
        return mirror.look()

    def look(self, run_id: str) -> Run:
        """See `JobEngine.look`."""
        mirror = Mirror(self._runs.path(run_id))
        run = mirror.look()
        if not run.is_final and mirror.plan() is not None:
            self._driver.wake()
        return run

    def wait(self, run_id: str, timeout_s: float | None = None) -> Run:
        """See `JobEngine.wait`."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            with self._news:
                run = self.look(run_id)
                left_s = _STEP_S if end is None else end - time.monotonic()
                if run.is_final or left_s <= 0 or Mirror(self._runs.path(run_id)).plan() is None:
                    return run
                self._news.wait(min(left_s, _STEP_S))

    def watch(self, on_exit: Callable[[str], None]) -> None:
        """See `JobEngine.watch`."""
        self._listeners.append(on_exit)

    def stop(self, run_id: str) -> None:
        """See `JobEngine.stop`."""
        mirror = Mirror(self.folder(run_id))
        with self._wishes:
            if mirror.is_over:
                return
            if mirror.plan() is None:
                mirror.forestall()
                return
        self._driver.ask("stop", run_id)

    def discard(self, run_id: str) -> None:
        """See `JobEngine.discard`."""
        mirror = Mirror(self._runs.path(run_id))
        if mirror.plan() is not None and (self._driver.is_running or not mirror.is_over):
            self._driver.ask("discard", run_id)
        self._runs.remove(run_id)

    def runs(self) -> list[str]:
        """See `JobEngine.runs`."""
        return self._runs.ids()

    def close(self) -> None:
        """See `JobEngine.close`."""
        self._driver.close()

    def _tell(self, run_id: str) -> None:
        with self._news:
            self._news.notify_all()
        for on_exit in tuple(self._listeners):
            try:
                on_exit(run_id)
            except Exception:
                _logger.exception("the listener for the end of run %s failed", run_id)
