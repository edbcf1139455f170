"""The engines of a data directory: one for model servers, which are always here, and the chosen one for jobs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from sagesse.engines.jobs.base import JobEngine, JobEngineError
from sagesse.engines.jobs.local import LocalJobs
from sagesse.engines.jobs.ray.engine import RayJobs
from sagesse.engines.jobs.run_folders import RunFolders

Choice = Literal["local", "ray"]
JOB_RUNS = ("training-", "processing-")
"""What run ids of jobs begin with; other runs are model servers."""


class Engines(NamedTuple):
    """Attributes:
    processes: of this machine; runs model servers.
    jobs: runs jobs; may be the same object.
    """

    processes: LocalJobs
    jobs: JobEngine

    def each(self) -> tuple[JobEngine, ...]:
        """Both, or the one."""
        return (self.processes,) if self.jobs is self.processes else (self.processes, self.jobs)

    def close(self) -> None:
        """Release what they hold; runs go on."""
        for engine in self.each():
            engine.close()


def open_engines(
    folder: Path,
    choice: Choice,
    ray_address: str,
    *,
    hidden: Sequence[Path] = (),
    shown: Sequence[Path] = (),
) -> Engines:
    """The engines over ``jobs`` and, for Ray, ``ray`` in `folder`.

    Raises:
        JobEngineError: Ray is not installed, or the other choice has jobs that have not ended.
    """
    processes = LocalJobs(folder / "jobs", hidden=hidden, shown=shown)
    _refuse_others(folder, choice, processes)
    if choice == "local":
        return Engines(processes, processes)
    return Engines(processes, RayJobs(folder / "ray", ray_address, hidden=hidden, shown=shown))


def stop_zygotes(folder: Path) -> None:
    """End the pre-loaded parents of both; those on other machines end by themselves."""
    for root in (folder / "jobs", folder / "ray"):
        if root.is_dir():
            engine = LocalJobs(root)
            engine.stop_zygotes()
            engine.close()


def _refuse_others(folder: Path, choice: Choice, processes: LocalJobs) -> None:
    """A job belongs to the engine that started it: another one would start it again."""
    if choice == "ray":
        other, open_runs = "local", [name for name in processes.runs() if name.startswith(JOB_RUNS)]
    else:
        runs = folder / "ray" / "runs"
        other, open_runs = "ray", RunFolders(runs).ids() if runs.is_dir() else []
    if open_runs:
        raise JobEngineError(
            f"job_engine is {choice!r}, but {len(open_runs)} runs of {other!r} have not been finished; "
            f"start with job_engine {other!r} and let them end first"
        )
