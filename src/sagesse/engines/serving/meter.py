"""Counts invocations in memory; a timer moves the counts to the metric store.

The metrics and dimensions are those of AWS: namespace AWS/SageMaker, by EndpointName and VariantName. Latencies are
kept as a histogram of buckets 6 % wide, each with its exact mean: sums and averages are exact, percentiles within
3 %, and a busy minute costs some dozens of rows.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterator

from sagesse.core.scope import Scope
from sagesse.engines.metrics.base import Datum, Metric, MetricStore
from sagesse.engines.serving.routing import EndpointKey

_BUCKETS_PER_E = 16
_TICK_S = 0.5
_log = logging.getLogger(__name__)


class _Histogram:
    def __init__(self) -> None:
        self._buckets: dict[int, list[float]] = {}

    def add(self, value: float) -> None:
        key = int(math.log(value) * _BUCKETS_PER_E) if value >= 1 else -1
        bucket = self._buckets.get(key)
        if bucket is None:
            self._buckets[key] = [1, value]
        else:
            bucket[0] += 1
            bucket[1] += value

    def data(self, metric: Metric, timestamp: float) -> Iterator[Datum]:
        for count, total in self._buckets.values():
            yield Datum.of(metric, timestamp, total / count, samples=count, unit="Microseconds")


class _Counts:
    def __init__(self) -> None:
        self.model = _Histogram()
        self.overhead = _Histogram()
        self.statuses: dict[int, int] = {}


class InvocationMeter:
    """What happened since the last flush. `record` is for the event loop only.

    Args:
        clock: epoch seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._counts: dict[tuple[EndpointKey, str], _Counts] = {}

    def record(
        self, key: EndpointKey, variant: str, *, status: int, model_us: float | None, total_us: float
    ) -> None:
        """Count one invocation. `status` as the client saw it; `model_us` None when the model did not answer."""
        counts = self._counts.get((key, variant))
        if counts is None:
            counts = self._counts[key, variant] = _Counts()
        counts.statuses[status] = counts.statuses.get(status, 0) + 1
        if model_us is not None:
            counts.model.add(model_us)
            counts.overhead.add(max(total_us - model_us, 0))

    def take(self) -> dict[Scope, list[Datum]]:
        """The data since the last time, by scope; counting starts anew."""
        counts, self._counts = self._counts, {}
        minute = self._clock() // 60 * 60
        found: dict[Scope, list[Datum]] = {}
        for ((account, region, endpoint), variant), counted in counts.items():
            data = found.setdefault(Scope(account, region), [])
            data.extend(_data(counted, {"EndpointName": endpoint, "VariantName": variant}, minute))
        return found

    async def run(self, store: MetricStore, *, every_s: float = 15.0) -> None:
        """Move the counts to `store`, at most every `every_s`, until cancelled, and then once more.

        The first invocations after a quiet time are there within a second.
        """
        loop = asyncio.get_running_loop()
        next_s = loop.time()
        try:
            while True:
                await asyncio.sleep(_TICK_S)
                if self._counts and loop.time() >= next_s:
                    next_s = loop.time() + every_s
                    await loop.run_in_executor(None, _put, store, self.take())
        finally:
            _put(store, self.take())


def _put(store: MetricStore, data: dict[Scope, list[Datum]]) -> None:
    for scope, scoped in data.items():
        try:
            store.put(scope, scoped)
        except Exception:
            _log.exception("invocation metrics of %s are lost", scope)


def _data(counts: _Counts, dimensions: dict[str, str], minute: float) -> Iterator[Datum]:
    def metric(name: str) -> Metric:
        return Metric.of("AWS/SageMaker", name, dimensions)

    yield from counts.model.data(metric("ModelLatency"), minute)
    yield from counts.overhead.data(metric("OverheadLatency"), minute)
    total = sum(counts.statuses.values())
    yield Datum.of(metric("Invocations"), minute, 1.0, samples=total)
    for name, hundred in (("Invocation4XXErrors", 4), ("Invocation5XXErrors", 5)):
        wrong = sum(count for status, count in counts.statuses.items() if status // 100 == hundred)
        if wrong:
            yield Datum.of(metric(name), minute, 1.0, samples=wrong)
        if total - wrong:
            yield Datum.of(metric(name), minute, 0.0, samples=total - wrong)
