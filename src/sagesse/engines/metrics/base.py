"""What a metric store is: datapoints of named metrics, and statistics over periods.

Times are epoch seconds, kept in whole milliseconds. Writes block and are on disk when they return: never
call them on the event loop's thread.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from sagesse.core.scope import Scope

Dimensions: TypeAlias = tuple[tuple[str, str], ...]


class Metric(NamedTuple):
    """The identity of a metric; `dimensions` are (name, value) pairs sorted by name."""

    namespace: str
    name: str
    dimensions: Dimensions = ()

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str] | None = None) -> "Metric":
        """A metric with its dimensions in order."""
        return cls(namespace, name, tuple(sorted((dimensions or {}).items())))


class Datum(NamedTuple):
    """Values of a metric at a time: one value, one value many times, or a statistic set.

    `source_offset` is the place in the source (a log file) where the datum stands, see `MetricStore.put`.
    """

    metric: Metric
    timestamp: float
    samples: float
    sum: float
    minimum: float
    maximum: float
    unit: str = "None"
    source_offset: int = 0

    @classmethod
    def of(
        cls, metric: Metric, timestamp: float, value: float, *, samples: float = 1, unit: str = "None"
    ) -> "Datum":
        """A single value, seen `samples` times."""
        return cls(metric, timestamp, samples, value * samples, value, value, unit)


class StatisticsQuery(NamedTuple):
    """Which statistics: periods of `period_s` seconds from `start`, up to and without `end`.

    With `unit`, only data of that unit; without it, each unit has its own statistics unless `merges_units`.
    """

    start: float
    end: float
    period_s: int
    unit: str | None = None
    merges_units: bool = False
    percentiles: tuple[float, ...] = ()


class Statistics(NamedTuple):
    """What a period holds. `percentiles` has no entry where statistic sets hide the values."""

    timestamp: float
    unit: str
    samples: float
    sum: float
    minimum: float
    maximum: float
    percentiles: Mapping[float, float] = {}

    @property
    def average(self) -> float:
        """The mean, 0 for a period that counted nothing."""
        return self.sum / self.samples if self.samples else 0.0


class MetricFilter(NamedTuple):
    """Which metrics to list; a dimension with the value None asks for its name only."""

    namespace: str | None = None
    name: str | None = None
    dimensions: Sequence[tuple[str, str | None]] = ()
    active_since: float = 0


class MetricStore(Protocol):
    """Keeps datapoints for 455 days, each as it was put."""

    def put(self, scope: Scope, data: Iterable[Datum], *, source: str = "") -> int:
        """Add data, atomically; returns how many were new.

        With a `source` (a job's log stream), data whose `source_offset` is not beyond the greatest that this
        source has put are left out: whoever reads the source again from an earlier place puts nothing twice.
        """
        ...

    def statistics(self, scope: Scope, metric: Metric, query: StatisticsQuery) -> list[Statistics]:
        """Statistics of the periods that have data, by time, then unit."""
        ...

    def metrics(
        self, scope: Scope, wanted: MetricFilter, *, after: Metric | None = None, limit: int
    ) -> list[Metric]:
        """Metrics in the store's order, behind `after`."""
        ...

    def latest(self, scope: Scope, namespace: str, dimensions: Dimensions) -> list[Datum]:
        """The newest datum of every metric with exactly these dimensions, by name."""
        ...

    def sweep(self, now: float) -> int:
        """Forget data older than 455 days; returns how many went. Call it daily."""
        ...

    def wipe(self) -> None:
        """Remove everything."""
        ...

    def close(self) -> None:
        """Finish and release the files."""
        ...
