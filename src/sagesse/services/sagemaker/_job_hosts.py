"""What the steps of every job stand on: its hosts and their runs, the plan of each, the role it acts as."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sagesse.core.call import Context
from sagesse.engines.channel_cache import ChannelCache
from sagesse.engines.image import ImageProblem, Recipe
from sagesse.engines.jobs.base import Plan, Run
from sagesse.runtime.distribution import ON_LOOPBACK
from sagesse.services.sagemaker._container import contained
from sagesse.services.sagemaker._ending import HostRun, outcome
from sagesse.services.sagemaker._entry import path_variables
from sagesse.services.sagemaker._feed_access import keep_access
from sagesse.services.sagemaker._home import region_variables
from sagesse.services.sagemaker._host_metric import volume_gib
from sagesse.services.sagemaker._hosts import Host, Hosts, job_run_id
from sagesse.services.sagemaker._job import Job, JobFailed, JobParts
from sagesse.services.sagemaker._job_kind import JobKind
from sagesse.services.sagemaker._place import Place
from sagesse.services.sagemaker._plan import JobFiles
from sagesse.services.sagemaker._session import JobSessions, RoleError

GRACE_S = 120.0
"""Between SIGTERM and SIGKILL, as SageMaker gives."""


class JobHosts(JobKind):
    """The hosts of the jobs of one kind."""

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
        self._failures: dict[str, int] = {}
        parts.engine.watch(self._wake)
        parts.capacity.watch(self._wake)

    def _ship_metrics(self, job: Job) -> None:
        """Ship what was measured of the job's hosts."""
        hosts = self._hosts(job)
        memory_bytes = job.record.state["memory_bytes"] or self._capacity.machine.memory_bytes
        for host in hosts:
            self._host_metrics.ship(
                job.ctx.scope,
                self.log_group,
                f"{job.record.name}/{host.name}",
                self._folder(job, host),
                memory_bytes=memory_bytes // len(hosts),
                volume_gib=volume_gib(self._resources(job.record.request)),
            )

    def _outcome(self, job: Job, end: HostRun) -> tuple[str, str]:
        """How the job ended (as a secondary status), and its FailureReason."""
        where = end.host.name if self._hosts(job).are_several else ""
        return outcome(end.run, self._files(job, end.host).failure(), is_stopping=job.is_stopping, host=where)

    def _plan(self, job: Job, host: Host) -> Plan:
        state, request, runtime_s = job.record.state, job.record.request, self._runtime_s(job)
        recipe, hosts, inputs = self._recipe(job), self._hosts(job), self._inputs(job, host)
        session = self._sessions.of(job, needed_s=runtime_s + GRACE_S)
        plan = Plan(
            run_id=host.run_id,
            entry=self._entry(job),
            environment={
                **path_variables(recipe),
                **self._identity(job),
                **(
                    region_variables(job.ctx.region)
                    if self._is_isolated(request)
                    else self._home.variables(job.ctx.region, session, direct=hosts.addresses)
                ),
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
            stop_grace_s=GRACE_S,
            isolate_network=self._is_isolated(request),
            hostname=host.name,
            has_own_python=not recipe.python,
            hosts=hosts.addresses,
            peers=hosts.peers(host),
            threads=hosts.threads(host, state["threads"]),
            memory_bytes=state["memory_bytes"] // len(hosts) if self._limits_memory else None,
        )
        if recipe.kind != "container":
            return plan
        folder = self._folder(job, host)
        return contained(plan, recipe, folder, self._images.containers, shown=self._home.bundle)

    def _own_files(self, job: Job) -> ChannelCache | None:
        """The cache from which files come that the job may write to: none where no layer takes its changes."""
        return None if self._recipe(job).kind == "container" else self._cache

    def _keep_access(self, job: Job, host: Host) -> None:
        """Have the process that fills the host's pipes find this server and credentials that are good for a while."""
        if self._feeds(job, host):
            with suppress(RoleError):  # then S3 will tell it
                session = self._sessions.of(job)
                keep_access(self._folder(job, host), job.ctx.region, session, self._home.url())

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
        hosts = job.known.hosts
        if hosts is None:
            hosts = job.known.hosts = Hosts(self._groups(job.record.request), job.run_id)
        return hosts

    def _look(self, job: Job) -> list[HostRun]:
        """Where the hosts stand."""
        return [HostRun(host, self._see(job, host)) for host in self._hosts(job)]

    def _see(self, job: Job, host: Host) -> Run:
        run = job.known.ended.get(host.run_id) or self._engine.look(host.run_id)
        if run.is_final:
            job.known.ended[host.run_id] = run
        return run

    def _stop(self, job: Job) -> None:
        for host in self._hosts(job):
            self._engine.stop(host.run_id)

    def _discard(self, job: Job) -> None:
        for host in self._hosts(job):
            self._engine.discard(host.run_id)

    def _folder(self, job: Job, host: Host) -> Path:
        """The folder of the host's run."""
        folder = job.known.folders.get(host.run_id)
        if folder is None:
            folder = job.known.folders[host.run_id] = self._engine.folder(host.run_id)
        return folder

    def _files(self, job: Job, host: Host) -> JobFiles:
        return JobFiles(self._folder(job, host) / "ml")

    def _stream(self, job: Job, host: Host) -> str:
        return f"{job.record.name}/{host.name}-{job.record.state['stream_epoch']}"

    def _wake(self, run_id: str) -> None:
        """A process ended, or cores became free: look at that job again now."""
        if wake := self._wakes.get(job_run_id(run_id)):
            wake()

    def _forget(self, job: Job) -> None:
        self._wakes.pop(job.run_id, None)
        self._synced.pop(job.run_id, None)
        self._failures.pop(job.run_id, None)
        for host in self._hosts(job):
            self._host_metrics.forget(host.run_id)
