"""What every job goes through: start, download, run, upload, end.

`JobRun.advance` takes one step; each step is idempotent and may be interrupted anywhere: what is done is on
disk or in the record, and the process itself belongs to the job engine, which never runs a run twice.
Training and processing say what is theirs in the methods below "Theirs".
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from sagesse.core.call import Context
from sagesse.core.kind import Kind
from sagesse.core.principal import Credential, Credentials
from sagesse.core.record import Record
from sagesse.engines.capacity import Capacity, instance_cores
from sagesse.engines.image import ImageProblem, Recipe
from sagesse.engines.image_registry import Images
from sagesse.engines.jobs.base import JobEngine, Plan, Run
from sagesse.services.sagemaker._channel import ChannelError
from sagesse.services.sagemaker._container import contained
from sagesse.services.sagemaker._entry import Entry, path_variables
from sagesse.services.sagemaker._home import Home
from sagesse.services.sagemaker._plan import JobFiles
from sagesse.services.sagemaker._session import RoleError, role_session
from sagesse.services.sagemaker.log import LogShipper

REASON_LENGTH = 1024
MAX_RUNTIME_S = 86_400
_POLL_S = 0.25  # how often a running job's log is shipped
_SYNC_S = 1.0  # how often the folders that are stored while it runs are looked at
_QUEUE_S = 5.0  # how often a waiting job looks again, should nobody wake it
_GRACE_S = 120.0  # between SIGTERM and SIGKILL, as SageMaker gives


class JobFailed(Exception):  # noqa: N818 - reads as the fact it states
    """The job cannot go on; the text is its FailureReason."""


class JobParts(NamedTuple):
    """What jobs stand on.

    Attributes:
        engine: runs the processes.
        capacity: the machine's cores.
        credentials: where role sessions are looked up.
        shipper: takes the log lines and metrics of a job.
        images: what runs an image here.
        home: where a job's own AWS clients find this server.
    """

    engine: JobEngine
    capacity: Capacity
    credentials: Credentials
    shipper: LogShipper
    images: Images
    home: Home


class Job(NamedTuple):
    """A job in the step that is being taken."""

    ctx: Context
    kind: Kind
    record: Record

    @property
    def run_id(self) -> str:
        """The engine's name of its present run."""
        return self.record.state["run_id"]

    @property
    def is_stopping(self) -> bool:
        """Whether someone asked it to stop."""
        return self.record.status == "Stopping"


class JobRun(ABC):
    """Brings the jobs of one kind to their end."""

    log_group: ClassVar[str]
    started_member: ClassVar[str]
    """The output member that says when the job's process was started."""

    def __init__(self, parts: JobParts) -> None:
        self._engine = parts.engine
        self._capacity = parts.capacity
        self._credentials = parts.credentials
        self._shipper = parts.shipper
        self._images = parts.images
        self._home = parts.home
        self._wakes: dict[str, Callable[[], None]] = {}
        self._synced: dict[str, float] = {}
        parts.engine.watch(self._wake)
        parts.capacity.watch(self._wake)

    def advance(self, ctx: Context, kind: Kind, record: Record) -> float | None:
        """One step; see `Service.advance`."""
        job = Job(ctx, kind, record)
        self._wakes[job.run_id] = lambda: ctx.wake(record)
        try:
            match record.state["phase"]:
                case "start":
                    return self._start(job)
                case "download":
                    return self._download(job)
                case "run":
                    return self._run(job)
                case "restart":
                    return self._restart(job)
                case _:
                    return self._upload(job)
        except (JobFailed, ChannelError, RoleError) as failure:
            return self._end(job, "Failed", reason=str(failure))

    # The steps

    def _start(self, job: Job) -> float | None:
        """Wait for cores; a job that can only fail does so before it waits."""
        if status := self._must_end(job):
            return self._end(job, status)
        self._recipe(job)
        self._session(job)
        cores = instance_cores(self._instance_type(job.record.request))
        claim = self._capacity.claim(job.run_id, cores, since=job.record.created)
        if not claim.threads:
            waits = f"Pending: waiting for {claim.position + 1} jobs that came earlier to free this machine's cores"
            self._note(job, "Pending", message=waits)
            return min(_QUEUE_S, self._time_left_s(job))
        self._note(job, "Downloading", state={"phase": "download", "threads": claim.threads})
        return 0

    def _download(self, job: Job) -> float | None:
        """Lay out ``/opt/ml``."""
        if status := self._must_end(job):
            return self._end(job, status)
        self._fetch(job, self._as_role(job))
        now, state = job.ctx.now(), job.record.state
        begun = max(int(now), state.get("stream_epoch", 0) + 1)  # each run has a log stream of its own
        self._note(
            job,
            "Training",
            state={"phase": "run", "stream_epoch": begun, "run_started": now},
            output={self.started_member: job.record.output.get(self.started_member, now)},
        )
        return 0

    def _run(self, job: Job) -> float | None:
        """Have the process run, and ship its log while it does."""
        if job.is_stopping:
            self._engine.stop(job.run_id)
        run = self._engine.look(job.run_id)
        if run.state == "preparing":
            run = self._engine.ensure(self._plan(job))
        self._ship(job, run)
        if not run.is_final:
            self._watch(job, run)
            if time.monotonic() - self._synced.get(job.run_id, 0) >= _SYNC_S:
                self._sync(job, is_over=False)
                self._synced[job.run_id] = time.monotonic()
            return _POLL_S
        self._sync(job, is_over=True)
        self._capacity.release(job.run_id)
        if again := self._again(job, run):
            self._note(job, again, state={"phase": "restart", **self._used(job)})
        else:
            self._note(job, "Uploading", state={"phase": "upload"})
        return 0

    def _restart(self, job: Job) -> float | None:
        """Begin again with a new run; what the old one left on this machine is gone."""
        attempt = job.record.state.get("attempt", 1) + 1
        run_id = f"{job.run_id.partition('.')[0]}.{attempt}"
        self._forget(job)
        self._engine.discard(job.run_id)
        state = {"phase": "start", "run_id": run_id, "attempt": attempt, "threads": 0}
        self._note(job, "Starting", state=state)
        return 0

    def _upload(self, job: Job) -> float | None:
        """Store what the job left, whatever way it ended, and say how it ended."""
        run = self._engine.look(job.run_id)
        self._ship(job, run)
        status, reason = self._outcome(job, run)
        output: Mapping[str, Any] = {}
        if status != "Failed":
            output = self._store(job, self._as_role(job))
        return self._end(job, status, reason=reason, output=output)

    def _end(
        self, job: Job, status: str, *, reason: str = "", output: Mapping[str, Any] | None = None
    ) -> None:
        """Move to the final state with everything a description then shows; free what the job held."""
        self._capacity.release(job.run_id)
        self._forget(job)
        facts = dict(output or {})
        if reason:
            facts["FailureReason"] = reason[:REASON_LENGTH]
        if self._finish(job, status, reason, facts):
            self._engine.discard(job.run_id)
            self._credentials.end(str(job.record.state.get("access_key_id", "")))

    # What the steps have in common

    def _outcome(self, job: Job, run: Run) -> tuple[str, str]:
        """How the job ended (as a secondary status), and its FailureReason."""
        if run.reason == "max_runtime":
            return "MaxRuntimeExceeded", ""
        if run.reason == "stopped" or job.is_stopping:
            return "Stopped", ""
        if run.state == "lost":
            said = "InternalServerError: The machine stopped while the job ran. Please start it again."
            return "Failed", said
        if run.reason == "setup":
            return "Failed", f"InternalServerError: {run.message}"
        if run.exit_code == 0:
            return "Completed", ""
        return "Failed", _failure(run, self._files(job).failure())

    def _plan(self, job: Job) -> Plan:
        state, request, runtime_s = job.record.state, job.record.request, self._runtime_s(job)
        recipe = self._recipe(job)
        plan = Plan(
            run_id=job.run_id,
            entry=self._entry(job),
            environment={
                **path_variables(recipe),
                **self._identity(job),
                **self._home.variables(job.ctx.region, self._session(job, needed_s=runtime_s + _GRACE_S)),
                **request.get("Environment", {}),
            },
            mounts=self._mounts(job),
            max_runtime_s=runtime_s,
            stop_grace_s=_GRACE_S,
            isolate_network=self._is_isolated(request),
            threads=state["threads"],
        )
        if recipe.kind != "container":
            return plan
        folder = self._engine.folder(job.run_id)
        return contained(plan, recipe, folder, self._images.containers, shown=self._home.bundle)

    def _session(self, job: Job, *, needed_s: float = 0) -> Credential:
        """A session of the job's role; a new one is noted on the record, so that the next step finds it."""
        record = job.record
        session = role_session(
            job.ctx, self._credentials, record.request["RoleArn"], record.state, needed_s=needed_s
        )
        if session.access_key_id != record.state.get("access_key_id"):
            job.kind.amend(job.ctx, record, state={"access_key_id": session.access_key_id})
            record.state["access_key_id"] = session.access_key_id
        return session

    def _as_role(self, job: Job) -> Context:
        return job.ctx.acting_as(self._session(job).principal)

    def _recipe(self, job: Job) -> Recipe:
        try:
            return self._images.ready(self._image(job.record.request))
        except ImageProblem as error:
            raise JobFailed(f"ClientError: {error}") from error

    def _files(self, job: Job) -> JobFiles:
        return JobFiles(self._engine.folder(job.run_id) / "ml")

    def _stream(self, job: Job) -> str:
        return f"{job.record.name}/algo-1-{job.record.state['stream_epoch']}"

    def _wake(self, run_id: str) -> None:
        """A process ended, or cores became free: look at that job again now."""
        if wake := self._wakes.get(run_id):
            wake()

    def _forget(self, job: Job) -> None:
        self._wakes.pop(job.run_id, None)
        self._synced.pop(job.run_id, None)

    def _must_end(self, job: Job) -> str:
        """The status in which a job that does not run yet has to end now; empty: it may go on."""
        return "Stopped" if job.is_stopping else ""

    # Theirs

    @abstractmethod
    def _image(self, request: Mapping[str, Any]) -> str: ...

    @abstractmethod
    def _instance_type(self, request: Mapping[str, Any]) -> str: ...

    @abstractmethod
    def _is_isolated(self, request: Mapping[str, Any]) -> bool: ...

    @abstractmethod
    def _entry(self, job: Job) -> Entry:
        """What to run."""

    @abstractmethod
    def _fetch(self, job: Job, acting: Context) -> None:
        """Lay out the job's input; may be repeated."""

    @abstractmethod
    def _store(self, job: Job, acting: Context) -> Mapping[str, Any]:
        """Store what a job that did not fail left; further output members."""

    @abstractmethod
    def _ship(self, job: Job, run: Run) -> None:
        """Ship the lines that are new."""

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
        """Move the record to its final state; False when someone else did or it is gone."""

    def _identity(self, job: Job) -> dict[str, str]:
        """The variables by which the job knows itself."""
        return {}

    def _mounts(self, job: Job) -> dict[str, str]:
        return {"/opt/ml": "ml"}

    def _runtime_s(self, job: Job) -> float:
        """How long this run may take."""
        return float(
            job.record.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", MAX_RUNTIME_S)
        )

    def _time_left_s(self, job: Job) -> float:
        """How long the job may still wait and run altogether."""
        return float("inf")

    def _watch(self, job: Job, run: Run) -> None:  # noqa: B027 - not every job needs it
        """Look at a job that runs."""

    def _sync(self, job: Job, *, is_over: bool) -> None:  # noqa: B027 - not every job needs it
        """Store what is stored while a job runs."""

    def _again(self, job: Job, run: Run) -> str:
        """The secondary status of a job whose run ended but that runs again; empty: it does not."""
        return ""

    def _used(self, job: Job) -> dict[str, Any]:
        """State about a run that is over, for the next one."""
        return {}


def _failure(run: Run, said: str) -> str:
    """The FailureReason of a job that exited badly: what it said, and its exit code."""
    if run.reason == "oom":
        return "AlgorithmError: OutOfMemory: the job used more memory than it may, exit code: 137"
    category, separator, _ = said.partition(":")
    if separator and category in {"ClientError", "AlgorithmError", "InternalServerError"}:
        return said
    text = said or "The job ended without writing /opt/ml/output/failure; see its log"
    return f"AlgorithmError: {text}, exit code: {run.exit_code}"
