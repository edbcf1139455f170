"""What a job engine is: it runs a plan once, whatever happens to the server, and tells how that ended."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from sagesse.runtime.plan import Command, Feed, Plan, PythonEntry
from sagesse.runtime.run_folder import Outcome, Reason

__all__ = [
    "Command",
    "Feed",
    "JobEngine",
    "JobEngineError",
    "Plan",
    "PythonEntry",
    "Reason",
    "Run",
    "State",
    "ended_run",
]

State = Literal["preparing", "running", "exited", "lost"]


class JobEngineError(Exception):
    """The engine itself cannot do what was asked (not the job's fault); asking again may help."""


class Run(NamedTuple):
    """Where a run stands.

    Attributes:
        state: ``lost`` is final: it was started, and its supervisor died before it could say how it ended.
        exit_code: when exited; 128 + signal for a job ended by a signal; None when it never started.
        reason: why it ended; None before.
        started, ended: epoch seconds.
        isolation_level: 1 full, 2 shares process ids, 3 none (paths rewritten); 0 not known yet.
        message: for the reasons ``setup``, ``data`` and ``oom``: what happened.
        log: file of lines ``<epoch_ms> <text>``; it may not exist yet.
    """

    state: State
    log: Path
    exit_code: int | None = None
    signal: int | None = None
    reason: Reason | None = None
    started: float | None = None
    ended: float | None = None
    isolation_level: int = 0
    message: str = ""

    @property
    def is_final(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in {"exited", "lost"}


def ended_run(log: Path, outcome: Outcome) -> Run:
    """The run that ended like this."""
    return Run(
        "exited",
        log,
        exit_code=outcome.exit_code,
        signal=outcome.signal,
        reason=outcome.reason,
        started=outcome.started,
        ended=outcome.ended,
        isolation_level=outcome.level,
        message=outcome.message,
    )


class JobEngine(Protocol):
    """Runs plans. Every method is thread-safe and idempotent."""

    def folder(self, run_id: str) -> Path:
        """The run's folder, made when it is not there; the caller lays out its mounts before `ensure`."""
        ...

    def ensure(self, plan: Plan) -> Run:
        """Start the run, or find it again: it is started once, however often and by however many asked.

        Raises:
            JobEngineError: it could not be started now; ask again.
        """
        ...

    def look(self, run_id: str) -> Run:
        """Where the run stands; a run never heard of is ``preparing``."""
        ...

    def wait(self, run_id: str, timeout_s: float | None = None) -> Run:
        """As `look`, but first wait until a started run is final or the time is over."""
        ...

    def watch(self, on_exit: Callable[[str], None]) -> None:
        """Call `on_exit(run_id)` when a run that this engine object started or looked at becomes final.

        It is called from a thread of the engine and must return quickly; every listener is called.
        """
        ...

    def stop(self, run_id: str) -> None:
        """Ask the run to end: SIGTERM, its grace time, SIGKILL. A run not yet started never will be."""
        ...

    def discard(self, run_id: str) -> None:
        """End the run at once if needed and remove its folder."""
        ...

    def runs(self) -> list[str]:
        """The ids of all runs that have a folder."""
        ...

    def close(self) -> None:
        """Release what the engine object holds; runs go on."""
        ...
