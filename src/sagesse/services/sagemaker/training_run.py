"""What is a training job's own on its way: channels and code, checkpoints, metrics, artifacts, spot and retries."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, unsupported_member
from sagesse.core.principal import Credential
from sagesse.core.record import Record
from sagesse.engines.image import ImageProblem
from sagesse.engines.jobs.base import Feed, Run
from sagesse.engines.metrics.base import Metric
from sagesse.services.sagemaker._admission import check_data
from sagesse.services.sagemaker._channel import Inputs, channel_feeds, channel_inputs, is_file_system, mode_of
from sagesse.services.sagemaker._channel_fetch import fetch_channel
from sagesse.services.sagemaker._checkpoint import checkpoint_mirror, checkpoint_mounts
from sagesse.services.sagemaker._debug_output import debug_mirrors
from sagesse.services.sagemaker._ending import HostRun, decisive
from sagesse.services.sagemaker._entry import Entry
from sagesse.services.sagemaker._error import ChannelError
from sagesse.services.sagemaker._hosts import Host, InstanceGroup
from sagesse.services.sagemaker._intermediate import intermediate_mirror
from sagesse.services.sagemaker._job import Job, JobFailed, JobParts
from sagesse.services.sagemaker._merge import merge
from sagesse.services.sagemaker._mirror import Mirror, store_folder
from sagesse.services.sagemaker._output_key import check_output_key
from sagesse.services.sagemaker._place import pending_left_s
from sagesse.services.sagemaker._plan import JobFiles, is_builtin, make_entry
from sagesse.services.sagemaker._resource import training_groups
from sagesse.services.sagemaker._run import JobRun
from sagesse.services.sagemaker._session import RoleError
from sagesse.services.sagemaker._share import Share
from sagesse.services.sagemaker._spot import SpotMarket, is_spot, times
from sagesse.services.sagemaker._training_state import PENDING_TOO_LONG, transition
from sagesse.services.sagemaker._transfer import BadLocation, Location, entries, pack, parse_location, upload
from sagesse.services.sagemaker._warm_pool import CACHE, CACHE_VARIABLE, WarmPools, keep_alive_s
from sagesse.services.sagemaker.log import Definition, final_metrics, metric_definitions


class TrainingRun(JobRun):
    """Brings training jobs to their end.

    Args:
        parts: see `JobParts`.
        metrics_of: the metric definitions a built-in algorithm declares.
        market: interrupts jobs on spot capacity.
        warm_pools: the places of ended jobs.
    """

    log_group = "/aws/sagemaker/TrainingJobs"
    started_member = "TrainingStartTime"

    def __init__(
        self,
        parts: JobParts,
        *,
        metrics_of: Callable[[str], list[dict[str, str]]],
        market: SpotMarket,
        warm_pools: WarmPools,
    ) -> None:
        super().__init__(parts)
        self._metrics_of = metrics_of
        self._market = market
        self._warm_pools = warm_pools

    def metric_definitions(self, specification: Mapping[str, Any]) -> list[dict[str, str]]:
        """The metrics of a job: those its image declares, then those its AlgorithmSpecification does."""
        declared: list[dict[str, str]] = specification.get("MetricDefinitions") or []
        return [*self._metrics_of(specification["TrainingImage"]), *declared]

    def check_algorithm(self, request: Mapping[str, Any]) -> None:
        """Refuse a built-in algorithm on several hosts; an unknown image fails the job later.

        Raises:
            ServiceError: names the algorithm.
        """
        count = sum(group.count for group in self._groups(request))
        if count == 1:
            return
        try:
            recipe = self._images.find(self._image(request))
        except ImageProblem:
            return
        if is_builtin(recipe, request):
            raise unsupported_member(
                f"ResourceConfig with {count} instances for the built-in algorithm {recipe.name}",
                "its training is not distributed here; use one instance, of a larger type for more threads",
            )

    def admit(self, ctx: Context, request: Mapping[str, Any]) -> Credential:
        """A session of the role of a job that is asked for, and whose channels have data.

        Raises:
            ServiceError: the job cannot have that role, or has no data.
        """
        session = super().admit(ctx, request)
        acting, channels = ctx.acting_as(session.principal), request.get("InputDataConfig", ())
        try:
            check_data(acting, channels, request["RoleArn"])
        except ServiceError:
            self._credentials.end(session.access_key_id)
            raise
        return session

    # The request

    def _image(self, request: Mapping[str, Any]) -> str:
        return request["AlgorithmSpecification"]["TrainingImage"]

    def _resources(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        return request["ResourceConfig"]

    def _groups(self, request: Mapping[str, Any]) -> Sequence[InstanceGroup]:
        return training_groups(request["ResourceConfig"])

    def _is_isolated(self, request: Mapping[str, Any]) -> bool:
        return bool(request.get("EnableNetworkIsolation"))

    # Before, while and after it runs

    def _fetch(self, job: Job, host: Host, acting: Context) -> None:
        files, request, hosts = self._files(host), job.record.request, self._hosts(job)
        self._entry(job)  # a job that cannot be run fails before anything is fetched
        self._inputs(job, host)  # so does one whose file system is not known
        if self._is_warm(job):
            is_first = host == hosts.first
            self._warm_pools.fill_cache(host.run_id, job.record.state.get("pool") if is_first else None)
        intermediate_mirror(
            request, self._engine.folder(host.run_id)
        )  # or whose intermediate output has no place
        check_output_key(acting, _output_key(request), request["OutputDataConfig"]["S3OutputPath"])
        given = self._channels(job, host)
        for channel, share in given:
            if not is_file_system(channel):
                folder = files.channel(channel["ChannelName"])
                mode = mode_of(channel, _input_mode(request))
                cache = self._cache if mode == "FastFile" else self._own_files(job)
                fetch_channel(acting, channel, folder, mode=mode, cache=cache, share=share)
        files.fetch_code(acting, request)
        files.write_contract(job.record, [channel for channel, _ in given], hosts.resource(host))
        for _, mirror in debug_mirrors(request, self._engine.folder(host.run_id)):
            mirror.folder.mkdir(parents=True, exist_ok=True)
        if mirror := self._checkpoints(job, host):
            try:
                mirror.restore(acting)
            except ServiceError as error:
                said = f"ClientError: Checkpoint download failed: {error} (S3 URL {mirror.target.uri!r})"
                raise ChannelError(said) from error

    def _downloads_little(self, job: Job) -> bool:
        """Its code alone; a warm pool watches every state."""
        request = job.record.request
        return not (request.get("InputDataConfig") or request.get("CheckpointConfig") or self._is_warm(job))

    def _stores_little(self, job: Job) -> bool:
        return not self._is_warm(job) and all(self._files(host).hold_little() for host in self._hosts(job))

    def _entry(self, job: Job) -> Entry:
        return make_entry(self._recipe(job), job.record.request)

    def _identity(self, job: Job) -> dict[str, str]:
        cache = {CACHE_VARIABLE: f"/opt/ml/{CACHE}"} if self._is_warm(job) else {}
        return {"TRAINING_JOB_NAME": job.record.name, "TRAINING_JOB_ARN": job.record.arn, **cache}

    def _is_warm(self, job: Job) -> bool:
        return keep_alive_s(job.record.request) > 0 or bool(job.record.state.get("pool"))

    def _mounts(self, job: Job) -> dict[str, str]:
        config = job.record.request.get("CheckpointConfig")
        return {**super()._mounts(job), **(checkpoint_mounts(config) if config else {})}

    def _channels(self, job: Job, host: Host) -> list[tuple[Mapping[str, Any], Share]]:
        """The channels that a host gets, with its share of each."""
        hosts = self._hosts(job)
        given: list[tuple[Mapping[str, Any], Share]] = []
        for channel in job.record.request.get("InputDataConfig", ()):
            groups = channel["DataSource"].get("S3DataSource", {}).get("InstanceGroupNames", ())
            if share := hosts.share(host, groups):
                given.append((channel, share))
        return given

    def _inputs(self, job: Job, host: Host) -> Inputs:
        channels = [channel for channel, _ in self._channels(job, host)]
        mode = _input_mode(job.record.request)
        return channel_inputs(channels, mode=mode, file_systems=self._file_systems)

    def _feeds(self, job: Job, host: Host) -> tuple[Feed, ...]:
        mode = _input_mode(job.record.request)
        given = self._channels(job, host)
        return tuple(
            feed for channel, share in given for feed in channel_feeds([channel], mode=mode, share=share)
        )

    def _sync(self, job: Job, *, is_over: bool) -> None:
        for host in self._hosts(job):
            for what, mirror in self._mirrors(job, host):
                self._keep(job, what, mirror, is_over=is_over)

    def _mirrors(self, job: Job, host: Host) -> Iterator[tuple[str, Mirror]]:
        """What is stored while the host runs."""
        if checkpoints := self._checkpoints(job, host):
            yield "Checkpoint", checkpoints
        if intermediate := intermediate_mirror(job.record.request, self._engine.folder(host.run_id)):
            yield "Intermediate output", intermediate
        yield from debug_mirrors(job.record.request, self._engine.folder(host.run_id))

    def _keep(self, job: Job, what: str, mirror: Mirror, *, is_over: bool) -> None:
        try:
            mirror.store(self._as_role(job), is_over=is_over)
        except ServiceError as error:
            if is_over:  # before, it is tried again
                said = f"ClientError: {what} upload failed: {error} (S3 URL {mirror.target.uri!r})"
                raise JobFailed(said) from error

    def _checkpoints(self, job: Job, host: Host) -> Mirror | None:
        config = job.record.request.get("CheckpointConfig")
        return checkpoint_mirror(config, self._engine.folder(host.run_id)) if config else None

    def _store(self, job: Job, acting: Context) -> Mapping[str, Any]:
        request = job.record.request
        asked = request["OutputDataConfig"]
        files, *others = [self._files(host) for host in self._hosts(job)]
        target = parse_location(asked["S3OutputPath"].rstrip("/") + "/")
        base = Location(target.bucket, f"{target.key}{job.record.name}/output")
        merge(files.model, [other.model for other in others])
        merge(files.output_data, [other.output_data for other in others])
        try:
            model = _store_model(acting, files, base, asked)
            if entries(files.output_data):
                archive = Location(base.bucket, f"{base.key}/output.tar.gz")
                _store_archive(acting, files, "output/data", archive, _output_key(request))
        except (
            ServiceError,
            BadLocation,
            PermissionError,
            FileNotFoundError,
        ) as error:  # jobs leave odd things
            raise JobFailed(f"ClientError: Artifact upload failed: {error} (S3 URL {base.uri!r})") from error
        return {"ModelArtifacts": {"S3ModelArtifacts": model}}

    def _salvage(self, job: Job, run: Run) -> Mapping[str, Any]:
        """As on AWS, a job that failed by its own doing keeps its artifacts; its reason stays the one it had."""
        if run.reason in {"exit", "oom"}:
            with suppress(JobFailed, RoleError):
                return self._store(job, self._as_role(job))
        return {}

    # Logs and metrics

    def _ship(self, job: Job, ends: Sequence[HostRun]) -> None:
        definitions = _definitions(job.record)
        for host, run in ends:
            self._shipper.ship(
                job.ctx.scope,
                self.log_group,
                self._stream(job, host),
                run.log,
                is_over=run.is_final,
                definitions=definitions,
                metric=Metric.of(self.log_group, "", {"TrainingJobName": job.record.name}),
            )

    # Time, interruptions and retries

    def _take_warm(self, job: Job) -> str | None:
        return self._warm_pools.take(job.ctx, job.record)

    def _placed(self, job: Job, pool: str | None) -> dict[str, Any]:
        return {"WarmPoolStatus": {"Status": "InUse"}} if pool or keep_alive_s(job.record.request) else {}

    def _stays_warm(self, job: Job) -> bool:
        return keep_alive_s(job.record.request) > 0

    def _keep_warm(self, job: Job, reason: str) -> dict[str, Any]:
        """As on AWS, also of a job that was stopped or failed by its own doing."""
        is_sound = not reason.startswith("InternalServerError")
        if is_sound and self._warm_pools.keep(job.ctx, job.record):
            return {"WarmPoolStatus": {"Status": "Available"}}
        if keep_alive_s(job.record.request) or "WarmPoolStatus" in job.record.output:
            return {"WarmPoolStatus": {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 0}}
        return {}

    def _runtime_s(self, job: Job) -> float:
        """What is left of MaxRuntimeInSeconds after earlier runs, and of MaxWaitTimeInSeconds."""
        return max(1.0, min(self._allowed_s(job), self._time_left_s(job)))

    def _allowed_s(self, job: Job) -> float:
        return super()._runtime_s(job) - job.record.state.get("trained_s", 0.0)

    def _time_left_s(self, job: Job) -> float:
        return _deadline(job.record) - job.ctx.now()

    def _must_end(self, job: Job) -> str:
        if self._time_left_s(job) <= 0:
            return "MaxWaitTimeExceeded"
        return "Stopped" if self._pending_left_s(job) <= 0 else super()._must_end(job)

    def _pending_left_s(self, job: Job) -> float:
        return pending_left_s(job.record, job.ctx.now())

    def _outcome(self, job: Job, end: HostRun) -> tuple[str, str]:
        status, reason = super()._outcome(job, end)
        allowed_until = (end.run.started or 0) + self._allowed_s(job)
        if status == "MaxRuntimeExceeded" and allowed_until > _deadline(job.record):
            status = "MaxWaitTimeExceeded"
        return status, reason

    def _watch(self, job: Job, ends: Sequence[HostRun]) -> None:
        """Take a spot job's capacity back when its time has come, or when someone asked for it."""
        state = job.record.state
        if not is_spot(job.record.request):
            return
        if state.get("lifetime_of") != job.run_id:
            lifetime = {"lifetime_of": job.run_id, "lifetime_s": self._market.lifetime_s()}
            job.kind.amend(job.ctx, job.record, state=lifetime)
            return
        lifetime_s = state["lifetime_s"]
        started = min((run.started for _, run in ends if run.started), default=job.ctx.now())
        if lifetime_s is not None and job.ctx.now() - started >= lifetime_s:
            job.kind.amend(job.ctx, job.record, state={"interrupt": job.run_id})
            state["interrupt"] = job.run_id
        if state.get("interrupt") == job.run_id:
            self._stop(job)

    def _again(self, job: Job, ends: Sequence[HostRun]) -> str:
        state, run = job.record.state, decisive(ends).run
        if job.is_stopping:
            return ""
        was_stopped = any(run.reason == "stopped" for _, run in ends)
        if was_stopped and state.get("interrupt") == job.run_id:
            return "Interrupted"
        attempts = job.record.request.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
        if (run.state == "lost" or run.reason == "setup") and state.get("retries", 0) < attempts:
            return "Restarting"
        return ""

    def _used(self, job: Job) -> dict[str, Any]:
        state = job.record.state
        is_retry = state.get("interrupt") != job.run_id
        return {"trained_s": self._trained_s(job), "retries": state.get("retries", 0) + is_retry}

    def _trained_s(self, job: Job) -> float:
        """How long all runs took, up to now."""
        state = job.record.state
        now = job.ctx.now()
        begun = state["run_started"] if state["phase"] in {"run", "upload"} else now
        return state.get("trained_s", 0.0) + now - begun

    # The record

    def _entered(self, job: Job, status: str) -> Mapping[str, Any]:
        return transition(_history(job.record), status, job.ctx.now())

    def _note(
        self,
        job: Job,
        status: str,
        *,
        message: str = "",
        state: Mapping[str, Any] | None = None,
        output: Mapping[str, Any] | None = None,
    ) -> None:
        last = _history(job.record)[-1]
        if state or output or (last["Status"], last["StatusMessage"]) != (status, message):
            state = {**job.unwritten.state, **(state or {})}
            changed = {**transition(_history(job.record), status, job.ctx.now(), message), **(output or {})}
            job.kind.amend(job.ctx, job.record, output=changed, state=state, passed=job.unwritten.passed)

    def _finish(self, job: Job, status: str, reason: str, output: dict[str, Any]) -> bool:
        record, now = job.record, job.ctx.now()
        is_tired = status == "Stopped" and not job.is_stopping and self._pending_left_s(job) <= 0
        message = PENDING_TOO_LONG if is_tired else ""
        output |= transition(_history(record), status, now, message)
        output["TrainingEndTime"] = now
        if self.started_member in record.output:
            logs = [run.log for _, run in self._look(self._hosts(job))]
            output |= times(record.request, self._trained_s(job))
            output["FinalMetricDataList"] = final_metrics(logs, _definitions(record))
        final = status if status in {"Completed", "Failed"} else "Stopped"
        moved = job.kind.move(
            job.ctx,
            record,
            final,
            when={"InProgress", "Stopping"},
            output=output,
            state=job.unwritten.state,
            passed=job.unwritten.passed,
        )
        return moved is not None


def _history(record: Record) -> list[dict[str, Any]]:
    return record.output["SecondaryStatusTransitions"]


def _deadline(record: Record) -> float:
    """When a job must have ended, however long it waited and ran (epoch seconds)."""
    wait_s = record.request.get("StoppingCondition", {}).get("MaxWaitTimeInSeconds")
    return record.created + wait_s if wait_s is not None else float("inf")


def _input_mode(request: Mapping[str, Any]) -> str:
    return request["AlgorithmSpecification"]["TrainingInputMode"]


def _definitions(record: Record) -> list[Definition]:
    return metric_definitions(record.request["AlgorithmSpecification"].get("MetricDefinitions", ()))


def _output_key(request: Mapping[str, Any]) -> str:
    return request["OutputDataConfig"].get("KmsKeyId", "")


def _store_model(ctx: Context, files: JobFiles, base: Location, asked: Mapping[str, Any]) -> str:
    """Store ``model/`` as an archive or as it is; where it is then."""
    key = asked.get("KmsKeyId", "")
    if asked.get("CompressionType", "GZIP") != "NONE":
        return _store_archive(ctx, files, "model", Location(base.bucket, f"{base.key}/model.tar.gz"), key)
    target = Location(base.bucket, f"{base.key}/model/")
    store_folder(ctx, files.root, files.model, target, kms_key=key)
    return target.uri


def _store_archive(ctx: Context, files: JobFiles, folder: str, target: Location, kms_key: str) -> str:
    archive = files.root.parent / target.key.rsplit("/", 1)[-1]
    pack(files.root / folder, archive)
    upload(ctx, archive, target, kms_key=kms_key)
    archive.unlink()
    return target.uri
