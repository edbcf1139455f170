"""The metrics of a job's hosts in CloudWatch: what its supervisor measured, each measurement once."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from sagesse.core.scope import Scope
from sagesse.engines.jobs.log import read_from
from sagesse.engines.metrics.base import Datum, Metric, MetricStore
from sagesse.runtime.usage import FILE, Usage

_GIB = 1 << 30
_decode = msgspec.json.Decoder(Usage).decode


class HostMetrics:
    """Takes measurements to the metric store.

    Args:
        metrics: where they go; it knows how far a source was read, so none goes twice.
    """

    def __init__(self, metrics: MetricStore) -> None:
        self._metrics = metrics
        self._read: dict[str, int] = {}  # by run id

    def ship(
        self, scope: Scope, namespace: str, host: str, folder: Path, *, memory_bytes: int, volume_gib: int
    ) -> None:
        """Ship the measurements that are new.

        Args:
            namespace: "/aws/sagemaker/TrainingJobs".
            host: "<job>/algo-1".
            folder: of the host's run, named as the run is.
            memory_bytes, volume_gib: what 100 percent are.
        """
        offset = self._read.get(folder.name, 0)
        try:
            content = read_from(folder / FILE, offset)
        except OSError:
            return
        data: list[Datum] = []
        end = offset
        for line in content.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            end += len(line)
            usage = _decode(line)
            for name, value in _percents(usage, memory_bytes, volume_gib):
                metric = Metric.of(namespace, name, {"Host": host})
                datum = Datum.of(metric, usage.at, value, unit="Percent")
                data.append(datum._replace(source_offset=end))
        if data:
            self._metrics.put(scope, data, source=f"host:{folder.name}")
        self._read[folder.name] = end

    def forget(self, run_id: str) -> None:
        """The run is over."""
        self._read.pop(run_id, None)


def volume_gib(resources: Mapping[str, Any]) -> int:
    """The disk of each instance of a ResourceConfig or ClusterConfig."""
    return int(resources.get("VolumeSizeInGB") or 1)


def _percents(usage: Usage, memory_bytes: int, volume: int) -> Iterator[tuple[str, float]]:
    yield "CPUUtilization", usage.cpu_percent
    yield "MemoryUtilization", usage.memory_bytes / memory_bytes * 100
    yield "DiskUtilization", usage.disk_bytes / (volume * _GIB) * 100
    if usage.gpu_percent is not None:
        yield "GPUUtilization", usage.gpu_percent
    if usage.gpu_memory_percent is not None:
        yield "GPUMemoryUtilization", usage.gpu_memory_percent
