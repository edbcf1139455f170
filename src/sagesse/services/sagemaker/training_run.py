"""What a training job goes through: start, download, train, upload, end.

`TrainingRun.advance` takes one step; each step is idempotent and may be interrupted anywhere: what is done is on
disk or in the record, and the process itself belongs to the job engine, which never runs a run twice.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.kind import Kind
from sagesse.core.principal import Credentials
from sagesse.core.record import Record
from sagesse.engines.capacity import Capacity, instance_cores
from sagesse.engines.image import Recipe, UnknownImage, find_recipe
from sagesse.engines.jobs.base import JobEngine, Plan, Run
from sagesse.engines.metrics.base import Metric
from sagesse.services.sagemaker._channel import ChannelError, fetch_channel
from sagesse.services.sagemaker._plan import Entry, JobFiles, job_environment, make_entry
from sagesse.services.sagemaker._session import RoleError, role_session
from sagesse.services.sagemaker._training_state import enter
from sagesse.services.sagemaker._transfer import BadLocation, Location, pack, parse_location, upload
from sagesse.services.sagemaker.log import Definition, LogShipper, final_metrics, metric_definitions

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_POLL_S = 0.25  # how often a running job's log is shipped
_QUEUE_S = 5.0  # how often a waiting job looks again, should nobody wake it
_GRACE_S = 120.0  # between SIGTERM and SIGKILL, as SageMaker gives
_REASON_LENGTH = 1024


class JobFailed(Exception):  # noqa: N818 - reads as the fact it states
    """The job cannot go on; the text is its FailureReason."""


class TrainingRun:
    """Brings training jobs to their end.

    Args:
        engine: runs the processes.
        capacity: the machine's cores.
        credentials: where role sessions are looked up.
        shipper: takes the log lines and metrics of a job.
        endpoint_url: where a job's own AWS clients find this server.
        metrics_of: the metric definitions a built-in algorithm declares.
    """

    def __init__(
        self,
        *,
        engine: JobEngine,
        capacity: Capacity,
        credentials: Credentials,
        shipper: LogShipper,
        endpoint_url: Callable[[], str],
        metrics_of: Callable[[str], list[dict[str, str]]],
    ) -> None:
        self._engine = engine
        self._capacity = capacity
        self._credentials = credentials
        self._shipper = shipper
        self._endpoint_url = endpoint_url
        self._metrics_of = metrics_of
        self._wakes: dict[str, Callable[[], None]] = {}
        engine.watch(self._wake)
        capacity.watch(self._wake)

    def metric_definitions(self, specification: Mapping[str, Any]) -> list[dict[str, str]]:
        """The metrics of a job: those its image declares, then those its AlgorithmSpecification does."""
        declared: list[dict[str, str]] = specification.get("MetricDefinitions") or []
        return [*self._metrics_of(specification["TrainingImage"]), *declared]

    def advance(self, ctx: Context, kind: Kind, record: Record) -> float | None:
        """One step; see `Service.advance`."""
        self._wakes[record.state["run_id"]] = lambda: ctx.wake(record)
        try:
            match record.state["phase"]:
                case "start":
                    return self._start(ctx, kind, record)
                case "download":
                    return self._download(ctx, kind, record)
                case "train":
                    return self._train(ctx, kind, record)
                case _:
                    return self._upload(ctx, kind, record)
        except (JobFailed, ChannelError, RoleError) as failure:
            return self._end(ctx, kind, record, "Failed", reason=str(failure))

    def _start(self, ctx: Context, kind: Kind, record: Record) -> float | None:
        """Wait for cores; a job that can only fail does so before it waits."""
        if record.status == "Stopping":
            return self._end(ctx, kind, record, "Stopped")
        _recipe(record)
        session = role_session(ctx, self._credentials, record.request["RoleArn"], record.state)
        cores = instance_cores(record.request["ResourceConfig"]["InstanceType"])
        claim = self._capacity.claim(record.state["run_id"], cores, since=record.created)
        if not claim.threads:
            message = f"Pending: waiting for {claim.position + 1} jobs that came earlier to free this machine's cores"
            if record.output["SecondaryStatusTransitions"][-1]["StatusMessage"] != message:
                enter(ctx, kind, record, "Pending", message=message)
            return _QUEUE_S
        state = {"phase": "download", "threads": claim.threads, "access_key_id": session.access_key_id}
        enter(ctx, kind, record, "Downloading", state=state)
        return 0

    def _download(self, ctx: Context, kind: Kind, record: Record) -> float | None:
        """Lay out ``/opt/ml/input``."""
        if record.status == "Stopping":
            return self._end(ctx, kind, record, "Stopped")
        acting = self._as_role(ctx, record)
        files = self._files(record)
        for channel in record.request.get("InputDataConfig", ()):
            fetch_channel(acting, channel, files.channel(channel["ChannelName"]))
        files.fetch_code(acting, record.request)
        files.write_contract(record)
        enter(
            ctx, kind, record, "Training", state={"phase": "train"}, output={"TrainingStartTime": ctx.now()}
        )
        return 0

    def _train(self, ctx: Context, kind: Kind, record: Record) -> float | None:
        """Have the process run, and ship its log while it does."""
        run_id = record.state["run_id"]
        if record.status == "Stopping":
            self._engine.stop(run_id)
        run = self._engine.ensure(self._plan(ctx, record))
        self._ship(ctx, record, run)
        if not run.is_final:
            return _POLL_S
        self._capacity.release(run_id)
        enter(ctx, kind, record, "Uploading", state={"phase": "upload"})
        return 0

    def _upload(self, ctx: Context, kind: Kind, record: Record) -> float | None:
        """Store what the job left, whatever way it ended, and say how it ended."""
        run = self._engine.look(record.state["run_id"])
        self._ship(ctx, record, run)
        outcome, reason = self._outcome(record, run)
        output: dict[str, Any] = {}
        if outcome != "Failed":
            output = self._store_artifacts(self._as_role(ctx, record), record)
        return self._end(ctx, kind, record, outcome, reason=reason, output=output)

    def _outcome(self, record: Record, run: Run) -> tuple[str, str]:
        """The final secondary status and the FailureReason."""
        if run.reason == "max_runtime":
            return "MaxRuntimeExceeded", ""
        if run.reason == "stopped" or record.status == "Stopping":
            return "Stopped", ""
        if run.state == "lost":
            return (
                "Failed",
                "InternalServerError: The machine stopped while the job ran. Please start it again.",
            )
        if run.reason == "setup":
            return "Failed", f"InternalServerError: {run.message}"
        if run.exit_code == 0:
            return "Completed", ""
        return "Failed", _failure(run, self._files(record).failure())

    def _store_artifacts(self, ctx: Context, record: Record) -> dict[str, Any]:
        files = self._files(record)
        target = parse_location(record.request["OutputDataConfig"]["S3OutputPath"].rstrip("/") + "/")
        base = Location(target.bucket, f"{target.key}{record.name}/output")
        try:
            if record.request["OutputDataConfig"].get("CompressionType", "GZIP") == "NONE":
                model = _store_folder(ctx, files.model, Location(base.bucket, f"{base.key}/model/"))
            else:
                model = _store_archive(ctx, files.model, Location(base.bucket, f"{base.key}/model.tar.gz"))
            if any(files.output_data.iterdir()):
                _store_archive(ctx, files.output_data, Location(base.bucket, f"{base.key}/output.tar.gz"))
        except (ServiceError, BadLocation) as error:
            raise JobFailed(f"ClientError: Artifact upload failed: {error} (S3 URL {base.uri!r})") from error
        return {"ModelArtifacts": {"S3ModelArtifacts": model}}

    def _end(
        self,
        ctx: Context,
        kind: Kind,
        record: Record,
        secondary: str,
        *,
        reason: str = "",
        output: Mapping[str, Any] | None = None,
    ) -> None:
        """Move to the final state with everything a description then shows; free what the job held."""
        run_id = record.state["run_id"]
        self._capacity.release(run_id)
        self._wakes.pop(run_id, None)
        current = enter(ctx, kind, record, secondary, message=reason)
        if current is None:
            return
        facts: dict[str, Any] = {**(output or {}), "TrainingEndTime": ctx.now()}
        if reason:
            facts["FailureReason"] = reason[:_REASON_LENGTH]
        if started := record.output.get("TrainingStartTime"):
            seconds = max(1, round(ctx.now() - started))
            facts |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
            log = self._engine.look(run_id).log
            facts["FinalMetricDataList"] = final_metrics(log, self._definitions(record))
        status = "Stopped" if secondary in {"Stopped", "MaxRuntimeExceeded"} else secondary
        if kind.move(ctx, current, status, when={"InProgress", "Stopping"}, output=facts) is not None:
            self._engine.discard(run_id)

    def _wake(self, run_id: str) -> None:
        """A process ended, or cores became free: look at that job again now."""
        if wake := self._wakes.get(run_id):
            wake()

    def _plan(self, ctx: Context, record: Record) -> Plan:
        recipe = _recipe(record)
        entry: Entry = make_entry(recipe, record.request, self._files(record))
        session = role_session(ctx, self._credentials, record.request["RoleArn"], record.state)
        return Plan(
            run_id=record.state["run_id"],
            entry=entry,
            environment=job_environment(record, session, self._endpoint_url()),
            max_runtime_s=float(record.request["StoppingCondition"].get("MaxRuntimeInSeconds", 86_400)),
            stop_grace_s=_GRACE_S,
            isolate_network=bool(record.request.get("EnableNetworkIsolation")),
            threads=record.state["threads"],
        )

    def _ship(self, ctx: Context, record: Record, run: Run) -> None:
        stream = f"{record.name}/algo-1-{int(record.output['TrainingStartTime'])}"
        metric = Metric.of(LOG_GROUP, "", {"TrainingJobName": record.name})
        self._shipper.ship(
            ctx.scope, LOG_GROUP, stream, run.log, definitions=self._definitions(record), metric=metric
        )

    def _definitions(self, record: Record) -> list[Definition]:
        return metric_definitions(record.request["AlgorithmSpecification"].get("MetricDefinitions", ()))

    def _as_role(self, ctx: Context, record: Record) -> Context:
        session = role_session(ctx, self._credentials, record.request["RoleArn"], record.state)
        return ctx.acting_as(session.principal)

    def _files(self, record: Record) -> JobFiles:
        return JobFiles(self._engine.folder(record.state["run_id"]) / "ml")


def _recipe(record: Record) -> Recipe:
    try:
        return find_recipe(record.request["AlgorithmSpecification"]["TrainingImage"])
    except UnknownImage as error:
        raise JobFailed(f"ClientError: {error}") from error


def _failure(run: Run, said: str) -> str:
    """The FailureReason of a job that exited badly: what it said, and its exit code."""
    if run.reason == "oom":
        return "AlgorithmError: OutOfMemory: the job used more memory than it may, exit code: 137"
    category, separator, _ = said.partition(":")
    if separator and category in {"ClientError", "AlgorithmError", "InternalServerError"}:
        return said
    text = said or "The job ended without writing /opt/ml/output/failure; see its log"
    return f"AlgorithmError: {text}, exit code: {run.exit_code}"


def _store_archive(ctx: Context, folder: Path, target: Location) -> str:
    archive = folder.parent / target.key.rsplit("/", 1)[-1]
    pack(folder, archive)
    upload(ctx, archive, target)
    archive.unlink()
    return target.uri


def _store_folder(ctx: Context, folder: Path, target: Location) -> str:
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        upload(ctx, file, Location(target.bucket, target.key + file.relative_to(folder).as_posix()))
    return target.uri
