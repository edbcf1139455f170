"""What a job uses of the account's quotas."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.record import Record
from sagesse.engines.quota import QuotaExceeded, Quotas


def holder(record: Record) -> str:
    """Who uses the quotas for this job, through all of its runs."""
    return str(record.state["run_id"]).partition(".")[0]


def training_uses(req: Mapping[str, Any]) -> dict[str, float]:
    """What a training job uses, by the quotas' names."""
    resources = req["ResourceConfig"]
    is_spot = bool(req.get("EnableManagedSpotTraining"))
    uses = _uses(
        "training", "spot training job usage" if is_spot else "training job usage", instances(resources)
    )
    return {**uses, **(warm_uses(resources) if resources.get("KeepAlivePeriodInSeconds") else {})}


def warm_uses(resources: Mapping[str, Any]) -> dict[str, float]:
    """What the warm pool of a job with these resources uses."""
    return {f"{kind} for training warm pool usage": count for kind, count in instances(resources)}


def processing_uses(req: Mapping[str, Any]) -> dict[str, float]:
    """What a processing job uses, by the quotas' names."""
    return _uses("processing", "processing job usage", instances(req["ProcessingResources"]["ClusterConfig"]))


def instances(resources: Mapping[str, Any]) -> Sequence[tuple[str, int]]:
    """(type, count) of what a ResourceConfig or ClusterConfig asks for."""
    groups: Sequence[Mapping[str, Any]] = resources.get("InstanceGroups") or (resources,)
    counts: dict[str, int] = {}
    for group in groups:
        kind = str(group["InstanceType"])
        counts[kind] = counts.get(kind, 0) + int(group.get("InstanceCount", 1))
    return tuple(counts.items())


@contextmanager
def counted(quotas: Quotas, ctx: Context, who: str, uses: Mapping[str, float]) -> Generator[None]:
    """Count what a job that is being created uses; nothing when that fails.

    Raises:
        ServiceError: ResourceLimitExceeded, as AWS words it.
    """
    try:
        quotas.take(ctx.scope, who, uses)
    except QuotaExceeded as error:
        raise _refusal(error) from error
    try:
        yield
    except BaseException:
        quotas.release(who)
        raise


def check_limits(
    quotas: Quotas, ctx: Context, jobs: str, req: Mapping[str, Any], resources: Mapping[str, Any]
) -> None:
    """Refuse a job that by itself is more than the account's quotas allow.

    Args:
        jobs: "training" or "processing".
        resources: its ResourceConfig or ClusterConfig.

    Raises:
        ServiceError: ResourceLimitExceeded, as AWS words it.
    """
    runtime_s = req.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 0)
    count = sum(count for _, count in instances(resources))
    try:
        quotas.check(ctx.scope, f"Longest run time for a {jobs} job", runtime_s)
        quotas.check(ctx.scope, f"Number of instances for a {jobs} job", count)
    except QuotaExceeded as error:
        raise _refusal(error) from error


def _uses(jobs: str, use: str, wanted: Sequence[tuple[str, int]]) -> dict[str, float]:
    each: dict[str, float] = {f"{kind} for {use}": count for kind, count in wanted}
    return {
        **each,
        f"Number of instances across all {jobs} jobs": sum(count for _, count in wanted),
        f"Number of concurrent {jobs} jobs": 1,
    }


def _refusal(error: QuotaExceeded) -> ServiceError:
    return ServiceError("ResourceLimitExceeded", str(error))
