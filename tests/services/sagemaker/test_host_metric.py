"""Metrics of a job's hosts: from its process to CloudWatch, each measurement once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sagesse.core.clock import SystemClock
from sagesse.core.scope import Scope
from sagesse.engines.metrics.base import Metric, StatisticsQuery
from sagesse.engines.metrics.sqlite import SqliteMetricStore
from sagesse.runtime.usage import FILE, Usage
from sagesse.services.sagemaker._host_metric import HostMetrics
from sagesse.testing.server import Server

from .flow import PYTHON, ROLE, make_bucket, run_job, script_job, until

HERE = Scope("123456789012", "us-east-1")
GIB = 1 << 30
BUSY = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteMetricStore]:
    store = SqliteMetricStore(tmp_path / "metrics.db", clock=SystemClock(), durable=False)
    yield store
    store.close()


def line(at: float, **members: Any) -> bytes:
    usage = Usage(at, cpu_percent=150.0, memory_bytes=GIB, disk_bytes=GIB // 2, **members)
    return msgspec.json.encode(usage) + b"\n"


def ship(metrics: HostMetrics, folder: Path) -> None:
    metrics.ship(HERE, "/ns", "job/algo-1", folder, memory_bytes=4 * GIB, volume_gib=2)


def found(store: SqliteMetricStore, name: str, now: float) -> list[tuple[float, float, str]]:
    """(samples, average, unit) of the metric."""
    query = StatisticsQuery(now - 600, now + 600, 1200)
    metric = Metric.of("/ns", name, {"Host": "job/algo-1"})
    return [(point.samples, point.average, point.unit) for point in store.statistics(HERE, metric, query)]


def test_measurements_become_percentages_once(tmp_path: Path, store: SqliteMetricStore) -> None:
    now = 60_000 * (SystemClock().now() // 60_000)
    file = tmp_path / FILE
    file.write_bytes(line(now))
    first = HostMetrics(store)
    ship(first, tmp_path)
    ship(first, tmp_path)
    ship(HostMetrics(store), tmp_path)  # the next server reads from the beginning
    assert found(store, "CPUUtilization", now) == [(1, 150.0, "Percent")]
    assert found(store, "MemoryUtilization", now) == [(1, 25.0, "Percent")]
    assert found(store, "DiskUtilization", now) == [(1, 25.0, "Percent")]
    assert found(store, "GPUUtilization", now) == []


def test_a_line_that_is_half_written_is_left_for_later(tmp_path: Path, store: SqliteMetricStore) -> None:
    now = 60_000 * (SystemClock().now() // 60_000)
    file, metrics, second = tmp_path / FILE, HostMetrics(store), line(now + 1, gpu_percent=80.0)
    file.write_bytes(line(now) + second[:20])
    ship(metrics, tmp_path)
    assert found(store, "CPUUtilization", now)[0][0] == 1
    file.write_bytes(line(now) + second)
    ship(metrics, tmp_path)
    assert found(store, "CPUUtilization", now)[0][0] == 2
    assert found(store, "GPUUtilization", now) == [(1, 80.0, "Percent")]


def test_a_run_without_measurements_ships_nothing(tmp_path: Path, store: SqliteMetricStore) -> None:
    ship(HostMetrics(store), tmp_path)
    assert found(store, "CPUUtilization", SystemClock().now()) == []


@pytest.mark.parametrize("namespace", ["/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs"])
def test_a_short_job_has_its_metrics_in_cloudwatch(server: Server, namespace: str) -> None:
    name = f"metered-{namespace[15:19].lower()}"
    facts = train(server, name) if "Training" in namespace else process(server, name)
    metrics = server.client("cloudwatch")
    host = [{"Name": "Host", "Value": f"{name}/algo-1"}]
    listed = metrics.list_metrics(Namespace=namespace, Dimensions=host)["Metrics"]
    assert {metric["MetricName"] for metric in listed} == {
        "CPUUtilization",
        "MemoryUtilization",
        "DiskUtilization",
    }
    (point,) = metrics.get_metric_statistics(
        Namespace=namespace,
        MetricName="CPUUtilization",
        Dimensions=host,
        StartTime=facts["CreationTime"].timestamp() - 3600,
        EndTime=facts["CreationTime"].timestamp() + 3600,
        Period=7200,
        Statistics=["Maximum", "SampleCount"],
        Unit="Percent",
    )["Datapoints"]
    assert point["SampleCount"] == 1
    assert point["Maximum"] > 0


def train(server: Server, name: str) -> dict[str, Any]:
    make_bucket(server)
    return run_job(server, script_job(server, name, BUSY))


def process(server: Server, name: str) -> dict[str, Any]:
    client = server.client("sagemaker")
    cluster = {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
    client.create_processing_job(
        ProcessingJobName=name,
        AppSpecification={
            "ImageUri": PYTHON,
            "ContainerEntrypoint": ["python3", "-c", "sum(range(5_000_000))"],
        },
        RoleArn=ROLE,
        ProcessingResources={"ClusterConfig": cluster},
    )

    def ended() -> dict[str, Any] | None:
        facts = client.describe_processing_job(ProcessingJobName=name)
        return facts if facts["ProcessingJobStatus"] == "Completed" else None

    return until(ended)
