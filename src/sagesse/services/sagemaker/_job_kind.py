"""What the kinds of jobs do each in their own way, and what a kind that says nothing does."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sagesse.core.call import Context
from sagesse.engines.jobs.base import Feed, Run
from sagesse.services.sagemaker._channel import Inputs
from sagesse.services.sagemaker._ending import HostRun
from sagesse.services.sagemaker._entry import Entry
from sagesse.services.sagemaker._hosts import Host, InstanceGroup
from sagesse.services.sagemaker._job import Job

MAX_RUNTIME_S = 86_400


class JobKind(ABC):
    """Training or processing, as `JobRun` asks it on a job's way."""

    log_group: ClassVar[str]
    started_member: ClassVar[str]
    """The output member that says when the job began: training with its place, processing with its process."""

    @abstractmethod
    def _image(self, request: Mapping[str, Any]) -> str: ...

    @abstractmethod
    def _groups(self, request: Mapping[str, Any]) -> Sequence[InstanceGroup]: ...

    @abstractmethod
    def _resources(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """What it asks for: its ResourceConfig or ClusterConfig."""

    @abstractmethod
    def _is_isolated(self, request: Mapping[str, Any]) -> bool: ...

    @abstractmethod
    def _entry(self, job: Job) -> Entry:
        """What to run."""

    @abstractmethod
    def _fetch(self, job: Job, host: Host, acting: Context) -> None:
        """Lay out the host's input; may be repeated."""

    @abstractmethod
    def _store(self, job: Job, acting: Context) -> Mapping[str, Any]:
        """Store what a job that did not fail left; further output members."""

    def _salvage(self, job: Job, run: Run) -> Mapping[str, Any]:
        """Store what a job left that failed like `run`, if anything; further output members."""
        return {}

    @abstractmethod
    def _ship(self, job: Job, ends: Sequence[HostRun]) -> None:
        """Ship the lines that are new, of each host."""

    @abstractmethod
    def _note(
        self,
        job: Job,
        status: str,
        *,
        message: str = "",
        state: Mapping[str, Any] | None = None,
        output: Mapping[str, Any] | None = None,
    ) -> None:
        """Note on the record where the job stands."""

    @abstractmethod
    def _finish(self, job: Job, status: str, reason: str, output: dict[str, Any]) -> bool:
        """Move the record to its final state, and end what acted for it; False when someone else did or it is gone."""

    def _entered(self, job: Job, status: str) -> Mapping[str, Any]:
        """The output members of a job that enters a secondary status."""
        return {}

    def _downloads_little(self, job: Job) -> bool:
        """Whether the job has what it needs in a moment."""
        return False

    def _stores_little(self, job: Job) -> bool:
        """Whether what the job left is stored in a moment."""
        return False

    def _identity(self, job: Job) -> dict[str, str]:
        """The variables by which the job knows itself."""
        return {}

    def _mounts(self, job: Job) -> dict[str, str]:
        return {"/opt/ml": "ml"}

    def _inputs(self, job: Job, host: Host) -> Inputs:
        """The folders that a host sees as its inputs."""
        return Inputs()

    def _feeds(self, job: Job, host: Host) -> tuple[Feed, ...]:
        """The pipes of a host that are filled while it runs."""
        return ()

    def _runtime_s(self, job: Job) -> float:
        """How long this run may take."""
        return float(
            job.record.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", MAX_RUNTIME_S)
        )

    def _time_left_s(self, job: Job) -> float:
        """How long the job may still wait and run altogether."""
        return float("inf")

    def _pending_left_s(self, job: Job) -> float:
        """How long the job may still wait for its place."""
        return float("inf")

    def _take_warm(self, job: Job) -> str | None:
        """Take the place of an earlier job that still holds it; its warm pool."""
        return None

    def _placed(self, job: Job, pool: str | None) -> dict[str, Any]:
        """What a description shows of a job that has its place."""
        return {}

    def _stays_warm(self, job: Job) -> bool:
        """Whether the job's place is kept when its process has ended."""
        return False

    def _keep_warm(self, job: Job, reason: str) -> dict[str, Any]:
        """Keep the place of a job that ends, if it should be; what a description then shows."""
        return {}

    def _watch(self, job: Job, ends: Sequence[HostRun]) -> None:  # noqa: B027 - not every job needs it
        """Look at a job that runs."""

    def _sync(self, job: Job, *, is_over: bool) -> None:  # noqa: B027 - not every job needs it
        """Store what is stored while a job runs."""

    def _again(self, job: Job, ends: Sequence[HostRun]) -> str:
        """The secondary status of a job whose runs ended but that runs again; empty: it does not."""
        return ""

    def _used(self, job: Job) -> dict[str, Any]:
        """State about a run that is over, for the next one."""
        return {}

    def _must_end(self, job: Job) -> str:
        """The status in which a job that does not run yet has to end now; empty: it may go on."""
        return "Stopped" if job.is_stopping else ""
