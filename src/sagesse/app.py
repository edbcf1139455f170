"""The composition root: the only file that knows every part."""

import asyncio
import logging
import os
import shutil
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
import orjson

from sagesse.algorithms.registry import ALGORITHMS, algorithm
from sagesse.config import Settings
from sagesse.core.audit import AuditLog
from sagesse.core.bus import Bus
from sagesse.core.call import Call, Context
from sagesse.core.clock import Clock, SystemClock
from sagesse.core.damage import DamageBook
from sagesse.core.error import ServiceError
from sagesse.core.folder import make_folder
from sagesse.core.identifier import new_request_id
from sagesse.core.journal import Journal
from sagesse.core.meter import Meter
from sagesse.core.pipeline import Pipeline
from sagesse.core.policy import Identities, IdentityAuthorizer
from sagesse.core.principal import Principal
from sagesse.core.reconcile import Reconciler
from sagesse.core.record import Key, Record, Store
from sagesse.core.scope import Scope
from sagesse.core.service import Registry, Service
from sagesse.core.store_sqlite import SqliteStore
from sagesse.engines.capacity import Capacity
from sagesse.engines.channel_cache import ChannelCache
from sagesse.engines.container import Containers
from sagesse.engines.image import ImageProblem
from sagesse.engines.image_registry import Images
from sagesse.engines.jobs.base import JobEngine, JobEngineError
from sagesse.engines.jobs.open import JOB_RUNS, open_engines, stop_zygotes
from sagesse.engines.machine import GIB, Machine, gpu_count, memory_bytes
from sagesse.engines.metrics.sqlite import SqliteMetricStore
from sagesse.engines.objects.local import LocalObjectStore
from sagesse.engines.objects.remote import RemotePlace, open_blobs
from sagesse.engines.objects.reserve import give_room
from sagesse.engines.objects.scrubbing import Scrubbing, ScrubWish
from sagesse.engines.quota import Quotas
from sagesse.engines.serving.gateway import Gateway as ModelGateway
from sagesse.engines.serving.local import LocalServing
from sagesse.engines.serving.meter import InvocationMeter
from sagesse.engines.serving.routing import RoutingTable
from sagesse.engines.streams.log_sqlite import SqliteLogStore
from sagesse.engines.vault import Vault
from sagesse.services import (
    cloudwatch,
    ecr,
    iam,
    kms,
    logs,
    s3,
    sagemaker,
    sagemaker_runtime,
    service_quotas,
    sts,
)
from sagesse.services.iam import RootKey
from sagesse.wire.administration import for_administrator
from sagesse.wire.authenticate import Authenticator
from sagesse.wire.authority import Authority
from sagesse.wire.event_view import EventView
from sagesse.wire.gateway import Gateway
from sagesse.wire.message import WireReply, WireRequest
from sagesse.wire.server import WireServer, serve

_EVERYWHERE = ("0.0.0.0", "::", "localhost")
_METRICS_S = 15.0  # how often the counts of invocations go to CloudWatch
_SWEEP_S = 300.0
_log = logging.getLogger(__name__)


class App:
    """A server: engines, services, reconciler and wire over one data directory. Implements `core.call.Platform`.

    Args:
        settings: how it runs.
        clock: the time; the machine's unless given.

    Raises:
        RemoteUnusable: the S3 that payloads are to be kept in does not work.
        JobEngineError: the chosen job engine cannot be used.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._folder = settings.folder
        make_folder(self._folder, durable=not settings.ephemeral)
        self._folder.chmod(0o700)  # it holds secret keys
        give_room(self._folder / "objects")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wire: WireServer | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.authority = Authority(self._folder / "ca")
        self._make_engines()
        self._make_core()
        self.root_key: RootKey = iam.bootstrap(self._store, settings.account, self._clock)

    @property
    def store(self) -> Store:
        """The records."""
        return self._store

    @property
    def clock(self) -> Clock:
        """The time."""
        return self._clock

    @property
    def port(self) -> int:
        """The port it listens on, once started."""
        return self._wire.port if self._wire else self.settings.port

    @property
    def url(self) -> str:
        """The endpoint URL for clients on this machine: loopback, unless it listens on another address alone."""
        host = self.settings.host if self.settings.host not in _EVERYWHERE else "127.0.0.1"
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def call(self, call: Call) -> Mapping[str, Any]:
        """See `Platform.call`."""
        loop = self._loop
        if loop is None:
            raise RuntimeError("the server is not started")
        return asyncio.run_coroutine_threadsafe(self.pipeline.run(call), loop).result()

    async def acall(self, call: Call) -> Mapping[str, Any]:
        """See `Platform.acall`."""
        return await self.pipeline.run(call)

    def wake(self, key: Key, *, after_s: float = 0) -> None:
        """See `Platform.wake`."""
        self.reconciler.wake(key, after_s=after_s)

    async def start(self) -> None:
        """Take up what is open and answer requests.

        Raises:
            OSError: the port is taken.
        """
        self._loop = asyncio.get_running_loop()
        await self.serving.open()
        if self.settings.ephemeral:
            await self.reset()  # what an earlier server left in the folder
        authenticator = Authenticator(
            self.identities, clock=self._clock, accepts_unknown_keys=self.settings.ephemeral
        )
        gateway = Gateway(
            self.pipeline,
            authenticator,
            endpoints=self._own(),
            region=self.settings.region,
            cross_origin=s3.SharingRules(self.objects),
            websites=partial(s3.website_of, self.objects),
            check_document=s3.check_document,
        )
        self._wire = await serve(
            gateway, host=self.settings.host, port=self.settings.port, authority=self.authority
        )
        await asyncio.to_thread(self._adopt)
        self.bus.start()
        self.reconciler.start()
        metering = self.invocations.run(self.metrics, every_s=_METRICS_S)
        self._tasks += [self._loop.create_task(metering), self._loop.create_task(self._sweep())]

    async def stop(self) -> None:
        """Let requests in flight end, then release everything. Jobs and model servers live on, unless ephemeral."""
        if self._wire is not None:
            await self._wire.stop()
        await asyncio.to_thread(self.reconciler.stop)
        await asyncio.to_thread(self.bus.stop)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.serving.close()
        if self.settings.ephemeral:
            await asyncio.to_thread(self._end_jobs)
        self.close()

    def close(self) -> None:
        """Release the files."""
        self.scrubbing.close()
        self.pipeline.close()
        self.job_engines.close()
        for part in (self.objects, self.logs, self.metrics, self._store, self.journal, self.audit):
            part.close()

    async def reset(self) -> None:
        """Wipe everything and stop running jobs; for test servers."""
        self.reconciler.forget()
        self.routes.wipe()
        self.serving.wipe()
        self.capacity.wipe()
        self.quotas.wipe()
        await self.objects.wipe()
        await asyncio.to_thread(self._wipe_files)
        self.meter.wipe()

    def _make_engines(self) -> None:
        folder, durable, clock = self._folder, not self.settings.ephemeral, self._clock
        self._store = SqliteStore(folder / "records.db", durable=durable)
        self.logs = SqliteLogStore(folder / "logs.db", clock=clock, durable=durable)
        self.metrics = SqliteMetricStore(folder / "metrics.db", clock=clock, durable=durable)
        blobs = open_blobs(folder / "objects", remote_place(self.settings))
        self.damage = DamageBook(folder / "damage.json", now=clock.now)
        self.objects = LocalObjectStore(
            folder / "objects", clock=clock, durable=durable, blobs=blobs, damage=self.damage
        )
        self.journal = Journal(folder / "events.db", clock=clock, durable=durable)
        self.vault = Vault(folder / "kms" / "master.key")
        self.scrubbing = Scrubbing(folder, self.damage, s3.vault_keys(self.vault), now=clock.now)
        self.job_engines = open_engines(
            folder,
            self.settings.job_engine,
            self.settings.ray_address,
            hidden=[folder],
            shown=[self.authority.bundle.parent],
        )
        self.images = Images(folder / "images.json", Containers(os.environ))
        self.serving = LocalServing(self.job_engines.processes, folder / "servers")
        self.routes = RoutingTable(partial(sagemaker.route_of, self._store))
        self.invocations = InvocationMeter(clock.now)
        self.capacity = Capacity(_machine(self.settings))
        self.quotas = Quotas(self._store, self.settings.quotas)
        self._cache = ChannelCache(folder / "channel-cache", self.settings.channel_cache_bytes)

    def _make_core(self) -> None:
        self.audit = AuditLog(self._folder / "audit")
        self.meter = Meter()
        self.bus = Bus(self.journal, (self._store.outbox, self.objects.outbox))
        self.identities = Identities(self._store, self._clock)
        self.expiry = s3.Expiry(self.objects, self._clock)
        authorizer = IdentityAuthorizer(self.identities, s3.BucketGuards(self.objects))
        self.registry = Registry(self._services(authorizer))
        self.pipeline = Pipeline(
            self.registry,
            platform=self,
            authorizer=authorizer,
            audit=self.audit,
            meter=self.meter,
            damage=self.damage,
        )
        advances = {kind.id: service.advance for kind, service in self.registry.kinds() if kind.lifecycle}
        self.reconciler = Reconciler(self._store, advances, self._context_of)

    def _services(self, authorizer: IdentityAuthorizer) -> list[Service]:
        models = ModelGateway(self.routes, self.serving, self.invocations)
        return [
            sts.TokenService(self.identities, authorizer),
            *iam.families(self.identities, authorizer),
            *s3.services(self.objects, self.vault, authorizer, seals_all=self.settings.encrypt_objects),
            *kms.services(self.vault, authorizer),
            *(family(self.logs) for family in (logs.Groups, logs.Streams, logs.Events)),
            cloudwatch.Metrics(self.metrics),
            *(family(self.images.tags) for family in (ecr.Repositories, ecr.Images)),
            *sagemaker.services(
                jobs=self.job_engines.jobs,
                serving=self.serving,
                routes=self.routes,
                capacity=self.capacity,
                quotas=self.quotas,
                credentials=self.identities,
                logs=self.logs,
                metrics=self.metrics,
                models_folder=self._folder / "models",
                images=self.images,
                home=sagemaker.Home(lambda: self.url, self.authority.bundle),
                metrics_of=partial(_metrics_of, self.images),
                cache=self._cache,
                file_systems=self.settings.file_systems,
                spot_interruptions_per_hour=self.settings.spot_interruptions_per_hour,
                limits_memory=self.settings.job_memory_limit,
                accepts_vpc=self.settings.accept_vpc_config,
            ),
            sagemaker_runtime.Invocations(models),
            service_quotas.ServiceQuotas(self.quotas),
        ]

    def _context_of(self, record: Record) -> Context:
        """The context in which a record advances: its service, acting where the record lives."""
        return self._service_context(record.kind.partition(":")[0], record.scope)

    def _service_context(self, service: str, scope: Scope) -> Context:
        principal = Principal.service(f"{service}.amazonaws.com", scope.account)
        return Context(scope=scope, principal=principal, request_id=new_request_id(), platform=self)

    def _adopt(self) -> None:
        """Give the jobs of the last server their places back; remove what ended jobs left."""
        runs: set[str] = set()
        for key in self._store.open_keys():
            record = self._store.get(key)
            if record is None or "run_id" not in record.state:
                continue
            runs |= {record.state["run_id"], record.state.get("pool") or ""}
            sagemaker.take_up(self.capacity, self.quotas, record)
        jobs = self.job_engines.jobs
        for run_id in jobs.runs():
            if run_id.startswith(JOB_RUNS) and sagemaker.job_run_id(run_id) not in runs:
                _discard(jobs, run_id)

    def _end_jobs(self) -> None:
        """End every job process and the zygotes; for servers that leave nothing behind."""
        self._discard_runs()
        stop_zygotes(self._folder)

    def _discard_runs(self) -> None:
        for engine in self.job_engines.each():
            for run_id in engine.runs():
                engine.discard(run_id)

    def _wipe_files(self) -> None:
        self._discard_runs()
        shutil.rmtree(self._folder / "models", ignore_errors=True)
        self._store.wipe()
        self.bus.wipe()
        self.logs.wipe()
        self.metrics.wipe()
        self.audit.wipe()
        self.identities.forget()
        self.root_key = iam.bootstrap(self._store, self.settings.account, self._clock)

    def _own(self) -> dict[str, Any]:
        administrator = partial(for_administrator, secret=lambda: self.root_key.secret)
        endpoints: dict[str, Any] = {
            "GET /_sagesse/status": self._status,
            "GET /_sagesse/scrub": administrator(self._scrub),
            "POST /_sagesse/scrub": administrator(self._scrub),
            "GET /_sagesse/events": administrator(EventView(self.journal)),
        }
        if self.settings.ephemeral:
            endpoints["POST /_sagesse/reset"] = self._reset
            endpoints["POST /_sagesse/interrupt"] = self._interrupt
        return endpoints

    async def _sweep(self) -> None:
        """Forget now and then what has passed its retention."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                await asyncio.to_thread(self.logs.sweep)
                await asyncio.to_thread(self.metrics.sweep, self._clock.now())
                await asyncio.to_thread(self.bus.sweep)
                await asyncio.to_thread(self.audit.sweep, self._clock.now(), self.settings.audit_days)
                await self.expiry.sweep()
            except Exception as failure:  # of the disk, most likely: tried again in a while
                _log.error("what is past its retention stays for now: %r", failure)

    async def _reset(self, _: WireRequest) -> WireReply:
        await self.reset()
        return _json(200, {"status": "empty"})

    async def _interrupt(self, request: WireRequest) -> WireReply:
        """Take the spot capacity of a training job back: ``{"TrainingJobName": ...}``, and its Region if not ours."""
        try:
            asked: dict[str, str] = orjson.loads(request.body)
            scope = Scope(self.settings.account, asked.get("Region", self.settings.region))
            ctx = self._service_context("sagemaker", scope)
            await asyncio.to_thread(sagemaker.interrupt, ctx, asked["TrainingJobName"])
        except (orjson.JSONDecodeError, KeyError, AttributeError):
            return _json(400, {"message": 'a JSON object is expected: {"TrainingJobName": ...}'})
        except ServiceError as error:
            return _json(400, {"message": error.message})
        return _json(200, {"status": "interrupted"})

    async def _scrub(self, request: WireRequest) -> WireReply:
        """POST begins a scrub, unless one runs: ``{"rate_bytes": ...}``, 0 for no bound. Both tell how far it is."""
        if request.method == "POST":
            try:
                wish = msgspec.json.decode(request.body or b"{}", type=ScrubWish)
            except msgspec.MsgspecError as error:
                return _json(400, {"message": f"a JSON object is expected: {error}"})
            self.scrubbing.start(wish)
        return _json(200, {"running": self.scrubbing.is_running, **self.scrubbing.facts()})

    async def _status(self, _: WireRequest) -> WireReply:
        usage = msgspec.to_builtins(self.meter.snapshot())
        return _json(200, {"status": "ok", "ephemeral": self.settings.ephemeral, "usage": usage})


def _discard(jobs: JobEngine, run_id: str) -> None:
    """Remove a run that nobody knows, unless its cluster is away: then the next start finds it again."""
    try:
        jobs.discard(run_id)
    except JobEngineError as error:
        _log.warning("run %s was not removed: %s", run_id, error)


def remote_place(settings: Settings) -> RemotePlace | None:
    """The other S3 that payloads are to be kept in, if one is set."""
    if not settings.objects_url:
        return None
    prefix = settings.objects_prefix
    return RemotePlace(
        url=settings.objects_url,
        bucket=settings.objects_bucket,
        prefix=f"{prefix.rstrip('/')}/" if prefix else "",
        region=settings.objects_region,
        access_key_id=settings.objects_access_key_id,
        secret_access_key=settings.objects_secret_access_key,
    )


def _machine(settings: Settings) -> Machine:
    """What jobs may claim of this machine."""
    memory = int(settings.job_memory_gib * GIB) or memory_bytes()
    gpus = gpu_count() if settings.job_gpus < 0 else settings.job_gpus
    return Machine(settings.cores, memory, gpus, settings.instance_scale)


def _metrics_of(images: Images, image: str) -> list[dict[str, str]]:
    """The metric definitions a built-in algorithm declares, for the image that runs it."""
    try:
        recipe = images.find(image)
    except ImageProblem:
        return []
    if recipe.name not in ALGORITHMS:
        return []
    return [{"Name": metric.name, "Regex": metric.regex} for metric in algorithm(recipe.name).metrics]


def _json(status: int, content: Any) -> WireReply:
    return WireReply(status, [("Content-Type", "application/json")], orjson.dumps(content))
