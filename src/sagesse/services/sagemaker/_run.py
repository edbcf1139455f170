"""What every job goes through: start, download, run, upload, end.

`JobRun.advance` takes one step; each step is idempotent and may be interrupted anywhere: what is done is on
disk or in the record, and the processes belong to the job engine, which never runs a run twice. A job has a run for
each of its hosts. What differs between training and processing is in `JobKind`.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from sagesse.core.call import Context
from sagesse.core.kind import Kind
from sagesse.core.principal import Credential
from sagesse.core.record import Record
from sagesse.engines.channel_cache import ChannelCache
from sagesse.engines.image import ImageProblem, Recipe
from sagesse.engines.jobs.base import Plan, Run
from sagesse.runtime.distribution import ON_LOOPBACK
from sagesse.services.sagemaker._admission import assume_role
from sagesse.services.sagemaker._container import contained
from sagesse.services.sagemaker._ending import HostRun, decisive, ends_the_others, outcome
from sagesse.services.sagemaker._entry import path_variables
from sagesse.services.sagemaker._error import ChannelError
from sagesse.services.sagemaker._feed_access import keep_access
from sagesse.services.sagemaker._host_metric import volume_gib
from sagesse.services.sagemaker._hosts import Host, Hosts, job_run_id
from sagesse.services.sagemaker._job import Job, JobFailed, JobParts, Unwritten
from sagesse.services.sagemaker._job_kind import MAX_RUNTIME_S, JobKind
from sagesse.services.sagemaker._place import Place, pending_message, pending_pause_s
from sagesse.services.sagemaker._plan import JobFiles
from sagesse.services.sagemaker._quota import holder, instances
from sagesse.services.sagemaker._session import JobSessions, RoleError

_REASON_LENGTH = 1024
_POLL_S = 0.25  # how often a running job's log is shipped
_SYNC_S = 1.0  # how often the folders that are stored while it runs are looked at
_GRACE_S = 120.0  # between SIGTERM and SIGKILL, as SageMaker gives


class JobRun(JobKind):
    """Brings the jobs of one kind to their end."""

    def __init__(self, parts: JobParts) -> None:
        self._engine = parts.engine
        self._capacity = parts.capacity
        self._place = Place(parts.capacity)
        self._quotas = parts.quotas
        self._limits_memory = parts.limits_memory
        self._credentials = parts.credentials
        self._sessions = JobSessions(parts.credentials)
        self._shipper = parts.shipper
        self._host_metrics = parts.host_metrics
        self._images = parts.images
        self._home = parts.home
        self._cache = parts.cache
        self._file_systems = parts.file_systems
        self._wakes: dict[str, Callable[[], None]] = {}
        self._synced: dict[str, float] = {}
        parts.engine.watch(self._wake)
        parts.capacity.watch(self._wake)

    def admit(self, ctx: Context, request: Mapping[str, Any]) -> Credential:
        """A session of the role of a job that is asked for.

        Raises:
            ServiceError: the job cannot have that role.
        """
        runtime_s = request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", MAX_RUNTIME_S)
        needed_s = runtime_s + _GRACE_S
        return assume_role(ctx, self._credentials, request["RoleArn"], needed_s=needed_s)

    def advance(self, ctx: Context, kind: Kind, record: Record) -> float | None:
        """One step; see `Service.advance`."""
        job = Job(ctx, kind, record, Unwritten())
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
        self._check_image(job)
        session = self._sessions.begin(job)
        place = self._place
        demand = place.demand(instances(self._resources(job.record.request)))
        pool = self._take_warm(job)
        claim = place.claim(job.record, demand)
        if not claim.threads:
            pending = place.pending_state(job.record, demand, job.ctx.now())
            self._note(job, "Pending", message=pending_message(claim), state={**session, **pending})
            return min(pending_pause_s(claim), self._time_left_s(job), self._pending_left_s(job))
        state = {"phase": "download", "pool": pool, **session, **place.held_state(claim)}
        if self._downloads_little(job):
            self._pass(job, "Downloading", state=state, output=self._placed(job, pool))
            return self._download(job)
        self._note(job, "Downloading", state=state, output=self._placed(job, pool))
        return 0

    def _download(self, job: Job) -> float | None:
        """Lay out the ``/opt/ml`` of each host."""
        if status := self._must_end(job):
            return self._end(job, status)
        acting = self._as_role(job)
        for host in self._hosts(job):
            self._fetch(job, host, acting)
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
        """Have the processes run, and ship their logs while they do."""
        ends = self._drive(job)
        self._ship(job, ends)
        self._ship_metrics(job)
        if not all(run.is_final for _, run in ends):
            self._watch(job, ends)
            if time.monotonic() - self._synced.get(job.run_id, 0) >= _SYNC_S:
                for host in self._hosts(job):
                    self._keep_access(job, host)
                self._sync(job, is_over=False)
                self._synced[job.run_id] = time.monotonic()
            return _POLL_S
        self._sync(job, is_over=True)
        if not self._stays_warm(job):
            self._capacity.release(job.run_id)
        if again := self._again(job, ends):
            self._note(job, again, state={"phase": "restart", **self._used(job)})
        elif self._stores_little(job):
            self._pass(job, "Uploading", state={"phase": "upload"})
            return self._upload(job)
        else:
            self._note(job, "Uploading", state={"phase": "upload"})
        return 0

    def _drive(self, job: Job) -> list[HostRun]:
        """Where the hosts stand, each started, or told to stop where one of them ended the job."""
        hosts = self._hosts(job)
        ends = self._look(hosts)
        if job.is_stopping or ends_the_others(run for _, run in ends):
            if any(not run.is_final for _, run in ends):
                self._stop(job)
                ends = self._look(hosts)
            return ends
        return [
            HostRun(host, self._begin(job, host) if run.state == "preparing" else run) for host, run in ends
        ]

    def _begin(self, job: Job, host: Host) -> Run:
        self._keep_access(job, host)
        return self._engine.ensure(self._plan(job, host))

    def _restart(self, job: Job) -> float | None:
        """Begin again with a new run; what the old one left on this machine is gone."""
        attempt = job.record.state.get("attempt", 1) + 1
        run_id = f"{job.run_id.partition('.')[0]}.{attempt}"
        self._capacity.release(job.run_id)
        self._forget(job)
        self._discard(job)
        state = {"phase": "start", "run_id": run_id, "attempt": attempt, "threads": 0, "demand": None}
        self._note(job, "Starting", state=state)
        return 0

    def _upload(self, job: Job) -> float | None:
        """Store what the job left, whatever way it ended, and say how it ended."""
        ends = self._look(self._hosts(job))
        end = decisive(ends)
        status, reason = self._outcome(job, end)
        output = self._salvage(job, end.run) if status == "Failed" else self._store(job, self._as_role(job))
        return self._end(job, status, reason=reason, output=output)

    def _end(
        self, job: Job, status: str, *, reason: str = "", output: Mapping[str, Any] | None = None
    ) -> None:
        """Move to the final state with everything a description then shows; free what the job held."""
        facts = {**(output or {}), **self._keep_warm(job, reason)}
        self._capacity.release(job.run_id)
        self._forget(job)
        if reason:
            facts["FailureReason"] = reason[:_REASON_LENGTH]
        if self._finish(job, status, reason, facts):
            self._discard(job)
            self._sessions.end(job)
        self._quotas.release(holder(job.record))

    # What the steps have in common

    def _pass(
        self, job: Job, status: str, *, state: Mapping[str, Any], output: Mapping[str, Any] | None = None
    ) -> None:
        """Enter a state that will be over in a moment: it is written with the next one.

        A server that is killed meanwhile finds the job where it was before, and takes the same steps.
        """
        entered = {**self._entered(job, status), **(output or {})}
        job.record.output.update(entered)
        job.record.state.update(state)
        job.unwritten.passed.append(entered)
        job.unwritten.state.update(state)

    def _ship_metrics(self, job: Job) -> None:
        """Ship what was measured of the job's hosts."""
        hosts = self._hosts(job)
        memory_bytes = job.record.state["memory_bytes"] or self._capacity.machine.memory_bytes
        for host in hosts:
            self._host_metrics.ship(
                job.ctx.scope,
                self.log_group,
                f"{job.record.name}/{host.name}",
                self._engine.folder(host.run_id),
                memory_bytes=memory_bytes // len(hosts),
                volume_gib=volume_gib(self._resources(job.record.request)),
            )

    def _outcome(self, job: Job, end: HostRun) -> tuple[str, str]:
        """How the job ended (as a secondary status), and its FailureReason."""
        where = end.host.name if self._hosts(job).are_several else ""
        return outcome(end.run, self._files(end.host).failure(), is_stopping=job.is_stopping, host=where)

    def _plan(self, job: Job, host: Host) -> Plan:
        state, request, runtime_s = job.record.state, job.record.request, self._runtime_s(job)
        recipe, hosts, inputs = self._recipe(job), self._hosts(job), self._inputs(job, host)
        session = self._sessions.of(job, needed_s=runtime_s + _GRACE_S)
        plan = Plan(
            run_id=host.run_id,
            entry=self._entry(job),
            environment={
                **path_variables(recipe),
                **self._identity(job),
                **self._home.variables(job.ctx.region, session, direct=hosts.addresses),
                **self._place.environment(hosts.deal(host, state["gpus"])),
                **(ON_LOOPBACK if hosts.are_several else {}),
                "SAGESSE_HOST_ADDRESS": host.address,  # see runtime/startup
                **request.get("Environment", {}),
            },
            mounts={**self._mounts(job), **inputs.mounts},
            private=inputs.private,
            read_only=inputs.read_only,
            feeds=self._feeds(job, host),
            max_runtime_s=runtime_s,
            stop_grace_s=_GRACE_S,
            isolate_network=self._is_isolated(request),
            hostname=host.name,
            hosts=hosts.addresses,
            peers=hosts.peers(host),
            threads=hosts.threads(host, state["threads"]),
            memory_bytes=state["memory_bytes"] // len(hosts) if self._limits_memory else None,
        )
        if recipe.kind != "container":
            return plan
        folder = self._engine.folder(host.run_id)
        return contained(plan, recipe, folder, self._images.containers, shown=self._home.bundle)

    def _own_files(self, job: Job) -> ChannelCache | None:
        """The cache from which files come that the job may write to: none where no layer takes its changes."""
        return None if self._recipe(job).kind == "container" else self._cache

    def _keep_access(self, job: Job, host: Host) -> None:
        """Have the process that fills the host's pipes find this server and credentials that are good for a while."""
        if self._feeds(job, host):
            with suppress(RoleError):  # then S3 will tell it
                session = self._sessions.of(job)
                keep_access(self._engine.folder(host.run_id), job.ctx.region, session, self._home.url())

    def _as_role(self, job: Job) -> Context:
        return job.ctx.acting_as(self._sessions.of(job).principal)

    def _recipe(self, job: Job) -> Recipe:
        try:
            return self._images.ready(self._image(job.record.request))
        except ImageProblem as error:
            raise JobFailed(f"ClientError: {error}") from error

    def _check_image(self, job: Job) -> None:
        """Fail a job whose image cannot run, or not as the job asks."""
        is_contained = self._recipe(job).kind == "container"
        if is_contained and self._is_isolated(job.record.request) and self._hosts(job).are_several:
            raise JobFailed(
                "ClientError: EnableNetworkIsolation is not supported for an image in containers on several instances: "
                "they could not reach each other"
            )

    def _hosts(self, job: Job) -> Hosts:
        return Hosts(self._groups(job.record.request), job.run_id)

    def _look(self, hosts: Hosts) -> list[HostRun]:
        return [HostRun(host, self._engine.look(host.run_id)) for host in hosts]

    def _stop(self, job: Job) -> None:
        for host in self._hosts(job):
            self._engine.stop(host.run_id)

    def _discard(self, job: Job) -> None:
        for host in self._hosts(job):
            self._engine.discard(host.run_id)

    def _files(self, host: Host) -> JobFiles:
        return JobFiles(self._engine.folder(host.run_id) / "ml")

    def _stream(self, job: Job, host: Host) -> str:
        return f"{job.record.name}/{host.name}-{job.record.state['stream_epoch']}"

    def _wake(self, run_id: str) -> None:
        """A process ended, or cores became free: look at that job again now."""
        if wake := self._wakes.get(job_run_id(run_id)):
            wake()

    def _forget(self, job: Job) -> None:
        self._wakes.pop(job.run_id, None)
        self._synced.pop(job.run_id, None)
        for host in self._hosts(job):
            self._host_metrics.forget(host.run_id)
