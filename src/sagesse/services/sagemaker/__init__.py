"""Amazon SageMaker.

What it is: training and processing jobs, models, endpoint configurations and endpoints, with SageMaker's names, states
and errors.
What really runs: a job is a process on this machine for each instance, with its own ``/opt/ml`` (`engines.jobs`); an
endpoint is model server processes behind the gateway (`engines.serving`).
What differs from AWS: docs/services/sagemaker.md.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sagesse.core.principal import Credentials
from sagesse.core.record import Store
from sagesse.core.scope import Scope
from sagesse.core.service import Service
from sagesse.engines.capacity import Capacity
from sagesse.engines.channel_cache import ChannelCache
from sagesse.engines.image_registry import Images
from sagesse.engines.jobs.base import JobEngine
from sagesse.engines.metrics.base import MetricStore
from sagesse.engines.quota import Quotas
from sagesse.engines.serving.base import ServingEngine
from sagesse.engines.serving.routing import EndpointKey, RoutingTable, Variant
from sagesse.engines.streams.log import LogStore
from sagesse.services.sagemaker._home import Home
from sagesse.services.sagemaker._host_metric import HostMetrics
from sagesse.services.sagemaker._hosts import job_run_id
from sagesse.services.sagemaker._job import JobParts
from sagesse.services.sagemaker._place import take_up
from sagesse.services.sagemaker._spot import SpotMarket
from sagesse.services.sagemaker._warm_pool import WarmPools
from sagesse.services.sagemaker.deployment import Deployments, live_variants
from sagesse.services.sagemaker.endpoint import ENDPOINT, Endpoints
from sagesse.services.sagemaker.endpoint_config import EndpointConfigs
from sagesse.services.sagemaker.log import LogShipper
from sagesse.services.sagemaker.model import Models
from sagesse.services.sagemaker.processing import ProcessingJobs
from sagesse.services.sagemaker.processing_run import ProcessingRun
from sagesse.services.sagemaker.search import Search, Searchable
from sagesse.services.sagemaker.tag import Tags
from sagesse.services.sagemaker.training import TRAINING_JOB, TrainingJobs, interrupt
from sagesse.services.sagemaker.training_run import TrainingRun
from sagesse.services.sagemaker.warm_pool import WarmPoolEnds

__all__ = ["Home", "interrupt", "job_run_id", "route_of", "services", "take_up"]


def route_of(store: Store, key: EndpointKey) -> Sequence[Variant] | None:
    """The live variants of an endpoint, from its record; None when it answers no requests."""
    account, region, name = key
    record = store.get(ENDPOINT.record_key(Scope(account, region), name))
    return live_variants(record) if record is not None else None


def services(  # noqa: PLR0913 - the parts SageMaker stands on, each by name
    *,
    jobs: JobEngine,
    serving: ServingEngine,
    routes: RoutingTable,
    capacity: Capacity,
    quotas: Quotas,
    credentials: Credentials,
    logs: LogStore,
    metrics: MetricStore,
    models_folder: Path,
    images: Images,
    home: Home,
    metrics_of: Callable[[str], list[dict[str, str]]],
    cache: ChannelCache,
    file_systems: Mapping[str, str],
    spot_interruptions_per_hour: float = 0.0,
    limits_memory: bool = False,
    accepts_vpc: bool = False,
) -> tuple[Service, ...]:
    """Every family of SageMaker over its engines; see `JobParts`, `TrainingRun` and `Deployments` for the arguments."""
    shipper = LogShipper(logs, metrics)
    parts = JobParts(
        engine=jobs,
        capacity=capacity,
        quotas=quotas,
        credentials=credentials,
        shipper=shipper,
        host_metrics=HostMetrics(metrics),
        images=images,
        home=home,
        cache=cache,
        file_systems=file_systems,
        limits_memory=limits_memory,
    )
    warm_pools = WarmPools(jobs, capacity, quotas)
    market = SpotMarket(spot_interruptions_per_hour)
    training = TrainingRun(parts, metrics_of=metrics_of, market=market, warm_pools=warm_pools)
    deployments = Deployments(
        engine=serving,
        routes=routes,
        credentials=credentials,
        folder=models_folder,
        shipper=shipper,
        images=images,
        home=home,
    )
    return (
        TrainingJobs(training, quotas, accepts_vpc=accepts_vpc),
        ProcessingJobs(ProcessingRun(parts), quotas, accepts_vpc=accepts_vpc),
        WarmPoolEnds(warm_pools),
        Models(credentials, accepts_vpc=accepts_vpc),
        EndpointConfigs(accepts_vpc=accepts_vpc),
        Endpoints(deployments),
        Tags(),
        Search((Searchable("TrainingJob", TRAINING_JOB),)),
    )
