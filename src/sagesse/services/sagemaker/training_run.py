"""What is a training job's own on its way: its request, its metrics, warm pools, spot and retries."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, unsupported_member
from sagesse.core.principal import Credential
from sagesse.engines.image import ImageProblem
from sagesse.engines.metrics.base import Metric
from sagesse.services.sagemaker._admission import check_data
from sagesse.services.sagemaker._ending import HostRun, decisive
from sagesse.services.sagemaker._entry import Entry
from sagesse.services.sagemaker._hosts import InstanceGroup
from sagesse.services.sagemaker._job import Job, JobParts
from sagesse.services.sagemaker._plan import is_builtin, make_entry
from sagesse.services.sagemaker._resource import training_groups
from sagesse.services.sagemaker._spot import SpotMarket, is_spot
from sagesse.services.sagemaker._training_files import TrainingFiles
from sagesse.services.sagemaker._training_record import definitions
from sagesse.services.sagemaker._warm_pool import CACHE, CACHE_VARIABLE, WarmPools, keep_alive_s


class TrainingRun(TrainingFiles):
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
        super().__init__(parts, warm_pools=warm_pools)
        self._metrics_of = metrics_of
        self._market = market

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

    def _entry(self, job: Job) -> Entry:
        return make_entry(self._recipe(job), job.record.request)

    def _identity(self, job: Job) -> dict[str, str]:
        cache = {CACHE_VARIABLE: f"/opt/ml/{CACHE}"} if self._is_warm(job) else {}
        return {"TRAINING_JOB_NAME": job.record.name, "TRAINING_JOB_ARN": job.record.arn, **cache}

    # Logs and metrics

    def _ship(self, job: Job, ends: Sequence[HostRun]) -> None:
        searched = definitions(job.record)
        for host, run in ends:
            self._shipper.ship(
                job.ctx.scope,
                self.log_group,
                self._stream(job, host),
                run.log,
                is_over=run.is_final,
                definitions=searched,
                metric=Metric.of(self.log_group, "", {"TrainingJobName": job.record.name}),
            )

    # Interruptions and retries

    def _take_warm(self, job: Job) -> str | None:
        return self._warm_pools.take(job.ctx, job.record)

    def _placed(self, job: Job, pool: str | None) -> dict[str, Any]:
        is_warm = pool or keep_alive_s(job.record.request)
        return {
            self.started_member: job.record.output.get(self.started_member, job.ctx.now()),
            **({"WarmPoolStatus": {"Status": "InUse"}} if is_warm else {}),
        }

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
