"""How a job ended, told from how the runs of its hosts did."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sagesse.engines.jobs.base import Run
from sagesse.services.sagemaker._hosts import Host

_BLAMES = {"ClientError", "AlgorithmError", "InternalServerError"}
_SIGKILL = 137
_KILLED = "OutOfMemory: the job was killed from outside, most likely because this machine had no memory left"
_SILENT = "The job ended without writing /opt/ml/output/failure; see its log"


class HostRun(NamedTuple):
    """A host and where its run stands."""

    host: Host
    run: Run


def ended_well(run: Run) -> bool:
    """Whether the run ended by itself and said that all is well."""
    return run.reason == "exit" and run.exit_code == 0


def ends_the_others(runs: Iterable[Run]) -> bool:
    """Whether a run ended in a way that leaves the job's other hosts nothing to go on for."""
    return any(run.is_final and not ended_well(run) for run in runs)


def decisive(ends: Sequence[HostRun]) -> HostRun:
    """The host whose end is the job's.

    A job at its time limit has no other end, although hosts may fail when the first of them leaves. The same goes for a
    host that was lost. Then the first failure, before those that were only stopped because of it.
    """
    return min(ends, key=lambda end: (_rank(end.run), end.run.ended or 0.0))


def outcome(run: Run, said: str, *, is_stopping: bool, host: str = "") -> tuple[str, str]:
    """The secondary status of a job that ended like this run, and its FailureReason.

    Args:
        run: the decisive one.
        said: what it wrote into ``output/failure``.
        is_stopping: someone asked the job to stop.
        host: where it ran, if there are several hosts.
    """
    where = f"{host}: " if host else ""
    if run.reason == "max_runtime":
        return "MaxRuntimeExceeded", ""
    if run.reason == "stopped" or is_stopping:
        return "Stopped", ""
    if run.state == "lost":
        text = "The machine stopped while the job ran. Please start it again."
        return "Failed", f"InternalServerError: {where}{text}"
    if run.reason == "setup":
        return "Failed", f"InternalServerError: {where}{run.message}"
    if run.reason == "data":
        category, _, rest = run.message.partition(":")
        return "Failed", f"{category}: {where}{rest.lstrip()}"
    return ("Completed", "") if ended_well(run) else ("Failed", _failure(run, said, where))


def _failure(run: Run, said: str, where: str) -> str:
    """The FailureReason of a job that exited badly: what it said, and its exit code."""
    if run.reason == "oom":
        return f"AlgorithmError: {where}OutOfMemory: the job used more memory than it may, exit code: 137"
    category, separator, rest = said.partition(":")
    if separator and category in _BLAMES:
        return f"{category}: {where}{rest.lstrip()}"
    text = said or (_KILLED if run.exit_code == _SIGKILL else _SILENT)
    return f"AlgorithmError: {where}{text}, exit code: {run.exit_code}"


def _rank(run: Run) -> int:
    if run.reason == "max_runtime":
        return 0
    if run.state == "lost":
        return 1
    if run.reason == "stopped":
        return 3
    return 4 if ended_well(run) else 2
