"""Warm pools: what a training job's instances are after it ended, until a matching job takes them or time is up.

A pool is a record of its own, so that it survives the server: it holds the job's place on the machine and its cache.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, validation_error
from sagesse.core.kind import Kind
from sagesse.core.lifecycle import Lifecycle
from sagesse.core.record import AlreadyExists, Listing, Record
from sagesse.engines.capacity import Capacity
from sagesse.engines.jobs.base import JobEngine
from sagesse.engines.quota import Quotas
from sagesse.services.sagemaker._error import already_existing, could_not_find
from sagesse.services.sagemaker._quota import holder, warm_uses

WARM_POOL = Kind(
    service="sagemaker",
    name="WarmPool",
    key="WarmPoolName",
    arn_path="warm-pool/{name}",
    lifecycle=Lifecycle("Available", {"Available": frozenset({"Reused", "Terminated"})}),
    missing=could_not_find("warm pool"),
    duplicate=already_existing("warm pool"),
)
CACHE = "sagemaker/warmpoolcache"  # below /opt/ml
CACHE_VARIABLE = "SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY"
_MOST = 1000
_NOTE_S = 0.2


def keep_alive_s(request: Mapping[str, Any]) -> int:
    """How long the job's instances stay after its end."""
    return int(request["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0))


def check_keep_alive(req: Mapping[str, Any]) -> None:
    """Refuse what AWS does not keep warm.

    Raises:
        ServiceError: a spot job, or one with instance groups.
    """
    if not keep_alive_s(req):
        return
    for member, is_there in (
        ("EnableManagedSpotTraining", req.get("EnableManagedSpotTraining")),
        ("ResourceConfig.InstanceGroups", req["ResourceConfig"].get("InstanceGroups")),
    ):
        if is_there:
            raise validation_error(f"KeepAlivePeriodInSeconds cannot be used together with {member}.")


def pool_name(record: Record) -> str:
    """The pool that a job leaves."""
    return f"{holder(record)}-warm"


class WarmPools:
    """Keeps the places of ended jobs.

    Args:
        engine: has the caches in its folders.
        capacity, quotas: where places and uses are handed on.
    """

    def __init__(self, engine: JobEngine, capacity: Capacity, quotas: Quotas) -> None:
        self._engine = engine
        self._capacity = capacity
        self._quotas = quotas

    def keep(self, ctx: Context, job: Record) -> bool:
        """Make the place that an ending job holds a pool; idempotent. False when it holds none."""
        if not job.state.get("threads") or not keep_alive_s(job.request):
            return False
        name = pool_name(job)
        self._move_cache(self._job_cache(job.state["run_id"]), self._pool_cache(name))
        pool = _create(ctx, job, name)
        if pool.status == "Available" and "taken_by" not in pool.state:
            self._capacity.transfer(job.state["run_id"], name)
            self._quotas.hold(job.scope, name, pool.state["uses"])
        return True

    def take(self, ctx: Context, job: Record) -> str | None:
        """Hand the place of a matching pool to a job that starts; the pool's name, None when there is none."""
        wanted, taker = _likeness(job.request), holder(job)

        def reserve(pool: Record) -> Record | None:
            if pool.status != "Available" or pool.state.get("taken_by", taker) != taker:
                return None
            if pool.state["likeness"] != wanted or pool.state["expires"] <= ctx.now():
                return None
            pool.state.update(taken_by=taker, taken_name=job.name)
            return pool

        for pool in ctx.store.list(WARM_POOL.id, ctx.scope, Listing(status="Available", limit=_MOST)):
            if pool.state["likeness"] != wanted or not ctx.store.update(pool.key, reserve):
                continue
            if self._capacity.transfer(pool.name, job.state["run_id"]):
                ctx.wake(pool)
                return pool.name
        return None

    def fill_cache(self, run_id: str, pool: str | None) -> None:
        """Give a run the cache of the pool it took, or an empty one; may be repeated."""
        if pool is not None:
            self._move_cache(self._pool_cache(pool), self._job_cache(run_id))
            self._engine.discard(pool)
        self._job_cache(run_id).mkdir(parents=True, exist_ok=True)

    def advance(self, ctx: Context, jobs: Kind, pool: Record) -> float | None:
        """One step of an Available pool; see `Service.advance`."""
        state = pool.state
        if name := state.get("taken_name"):
            if _is_about_to_note(jobs.find(ctx, name), pool):
                return _NOTE_S
            self._close(ctx, jobs, pool, "Reused", ReusedByJob=name)
            return None
        left_s = state["expires"] - ctx.now()
        if left_s > 0:
            return left_s
        if ctx.store.update(pool.key, partial(_expire, ctx.now())) is None:
            return 0  # it was taken or prolonged meanwhile
        self._engine.discard(pool.name)
        self._close(ctx, jobs, pool, "Terminated")
        return None

    def _close(self, ctx: Context, jobs: Kind, pool: Record, status: str, **more: str) -> None:
        self._capacity.release(pool.name)
        self._quotas.release(pool.name)
        job = jobs.find(ctx, pool.state["job"])
        if job is not None and holder(job) == pool.state["job_holder"]:
            jobs.amend(
                ctx, job, output={"WarmPoolStatus": {"Status": status, **retained(pool, ctx.now()), **more}}
            )
        WARM_POOL.move(ctx, pool, status)

    def _job_cache(self, run_id: str) -> Path:
        return self._engine.folder(run_id) / "ml" / CACHE

    def _pool_cache(self, pool: str) -> Path:
        return self._engine.folder(pool) / "cache"

    def _move_cache(self, source: Path, target: Path) -> None:
        if source.is_dir() and not source.is_symlink() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            source.rename(target)


def _is_about_to_note(taker: Record | None, pool: Record) -> bool:
    """Whether a job that took the pool still starts, and has not noted yet that it has it."""
    if taker is None or holder(taker) != pool.state["taken_by"]:
        return False
    return taker.is_open and taker.state.get("pool") != pool.name


def _expire(now: float, pool: Record) -> Record | None:
    """Let nobody take the pool any more."""
    if pool.state.get("taken_name") or pool.state["expires"] > now:
        return None
    pool.state["taken_by"] = ""
    return pool


def retained(pool: Record, now: float) -> dict[str, int]:
    """How long instances were kept without a job, as a description shows it."""
    return {"ResourceRetainedBillableTimeInSeconds": max(0, round(now - pool.created))}


def with_retained_time(ctx: Context, job: Record) -> dict[str, Any]:
    """The WarmPoolStatus of a job whose pool is still Available, with the time up to now."""
    if job.output.get("WarmPoolStatus", {}).get("Status") != "Available":
        return {}
    pool = WARM_POOL.find(ctx, pool_name(job))
    return {"WarmPoolStatus": {"Status": "Available", **(retained(pool, ctx.now()) if pool else {})}}


def prolong(ctx: Context, jobs: Kind, job: Record, keep_s: int) -> None:
    """Change how long the instances of a job stay after its end, 0 ends the pool.

    Raises:
        ServiceError: the job has no warm pool (any more).
    """
    status = job.output.get("WarmPoolStatus", {}).get("Status", "InUse" if keep_alive_s(job.request) else "")
    if status not in {"InUse", "Available"}:
        raise validation_error(
            f"The training job {job.name} has no warm pool to update; allowed: a WarmPoolStatus of InUse or Available."
        )
    resources = {**job.request["ResourceConfig"], "KeepAlivePeriodInSeconds": keep_s}
    jobs.amend(ctx, job, request={"ResourceConfig": resources})
    pool = WARM_POOL.find(ctx, pool_name(job))
    if pool is not None and pool.status == "Available":
        WARM_POOL.amend(ctx, pool, state={"expires": pool.created + keep_s})
        ctx.wake(pool)


def _create(ctx: Context, job: Record, name: str) -> Record:
    state = {
        "run_id": name,
        "job": job.name,
        "job_holder": holder(job),
        "likeness": _likeness(job.request),
        "expires": ctx.now() + keep_alive_s(job.request),
        "uses": warm_uses(job.request["ResourceConfig"]),
        **{part: job.state[part] for part in ("threads", "memory_bytes", "gpus")},
    }
    try:
        return WARM_POOL.create(ctx, {}, name=name, state=state)
    except ServiceError as error:
        if not isinstance(error.__cause__, AlreadyExists):
            raise
        return error.__cause__.existing


def _likeness(request: Mapping[str, Any]) -> list[Any]:
    """What must be the same in a job that takes a pool, as AWS documents it."""
    resources, network = request["ResourceConfig"], request.get("VpcConfig", {})
    return [
        request["RoleArn"],
        *(
            resources.get(part)
            for part in ("InstanceCount", "InstanceType", "VolumeKmsKeyId", "VolumeSizeInGB")
        ),
        *(sorted(network.get(part, ())) for part in ("SecurityGroupIds", "Subnets")),
        bool(request.get("EnableInterContainerTrafficEncryption")),
        bool(request.get("EnableNetworkIsolation")),
        resources.get("InstanceGroups"),
    ]
