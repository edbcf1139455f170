"""The SQLite metric store on a temporary folder."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagesse.core.scope import Scope
from sagesse.engines.metrics.base import Datum, Metric, MetricFilter, Statistics, StatisticsQuery
from sagesse.engines.metrics.sqlite import SqliteMetricStore
from sagesse.testing.clock import HandClock

HERE = Scope("123456789012", "eu-central-1")
LOSS = Metric.of("Jobs", "loss", {"Job": "a"})
HOUR = StatisticsQuery(start=0, end=3600, period_s=60)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[SqliteMetricStore]:
    store = SqliteMetricStore(tmp_path / "metrics.db", clock=clock, durable=False)
    yield store
    store.close()


def test_values_are_added_up_by_period(store: SqliteMetricStore) -> None:
    store.put(HERE, [Datum.of(LOSS, at, value) for at, value in ((0, 1.0), (59.9, 3.0), (60, 10.0))])
    assert store.statistics(HERE, LOSS, HOUR) == [
        Statistics(0, "None", 2, 4.0, 1.0, 3.0),
        Statistics(60, "None", 1, 10.0, 10.0, 10.0),
    ]


def test_periods_count_from_the_start_and_end_is_excluded(store: SqliteMetricStore) -> None:
    store.put(HERE, [Datum.of(LOSS, at, at) for at in (29, 30, 89, 90)])
    found = store.statistics(HERE, LOSS, StatisticsQuery(start=30, end=90, period_s=60))
    assert found == [Statistics(30, "None", 2, 119.0, 30.0, 89.0)]


def test_statistic_sets_are_added_up(store: SqliteMetricStore) -> None:
    store.put(HERE, [Datum(LOSS, 1, 10, 50.0, 1.0, 9.0), Datum.of(LOSS, 2, 20.0, samples=5)])
    (found,) = store.statistics(HERE, LOSS, HOUR)
    assert (found.samples, found.average, found.minimum, found.maximum) == (15, 10.0, 1.0, 20.0)


def test_each_unit_has_its_own_statistics_unless_merged(store: SqliteMetricStore) -> None:
    store.put(HERE, [Datum.of(LOSS, 1, 1.0, unit="Seconds"), Datum.of(LOSS, 1, 2.0, unit="Bytes")])
    assert [found.unit for found in store.statistics(HERE, LOSS, HOUR)] == ["Bytes", "Seconds"]
    assert [found.sum for found in store.statistics(HERE, LOSS, HOUR._replace(unit="Seconds"))] == [1.0]
    assert [found.sum for found in store.statistics(HERE, LOSS, HOUR._replace(merges_units=True))] == [3.0]


def test_percentiles_come_from_single_values(store: SqliteMetricStore) -> None:
    store.put(HERE, [Datum.of(LOSS, 1, float(value)) for value in range(101)])
    (found,) = store.statistics(HERE, LOSS, HOUR._replace(percentiles=(50.0, 99.9)))
    assert found.percentiles == {50.0: 50.0, 99.9: pytest.approx(99.9)}


def test_a_statistic_set_hides_the_percentiles(store: SqliteMetricStore) -> None:
    store.put(HERE, [Datum.of(LOSS, 1, 1.0), Datum(LOSS, 1, 2, 3.0, 1.0, 2.0)])
    (found,) = store.statistics(HERE, LOSS, HOUR._replace(percentiles=(50.0,)))
    assert found.percentiles == {}


def test_what_a_source_has_put_is_left_out(store: SqliteMetricStore) -> None:
    lines = [Datum.of(LOSS, at, 1.0)._replace(source_offset=at * 10) for at in range(1, 6)]
    assert store.put(HERE, lines[:3], source="job/log") == 3
    assert store.put(HERE, lines, source="job/log") == 2
    assert store.put(HERE, lines[:1], source="other/log") == 1
    assert store.statistics(HERE, LOSS, HOUR)[0].samples == 6


def test_two_metrics_of_one_line_are_both_kept(store: SqliteMetricStore) -> None:
    other = LOSS._replace(name="accuracy")
    data = [Datum.of(metric, 1, 1.0)._replace(source_offset=10) for metric in (LOSS, other)]
    assert store.put(HERE, data, source="job/log") == 2


def test_metrics_are_listed_in_pages(store: SqliteMetricStore) -> None:
    names = [f"m{number}" for number in range(5)]
    store.put(HERE, [Datum.of(LOSS._replace(name=name), 1, 1.0) for name in names])
    seen: list[str] = []
    after: Metric | None = None
    while page := store.metrics(HERE, MetricFilter(), after=after, limit=2):
        seen += [metric.name for metric in page]
        after = page[-1]
    assert seen == names


def test_metrics_are_filtered(store: SqliteMetricStore) -> None:
    odd = Metric.of("Jobs", "loss", {"Job": 'b"],["Host', "Host": "1"})
    store.put(HERE, [Datum.of(metric, 1, 1.0) for metric in (LOSS, odd, LOSS._replace(namespace="Other"))])

    def found(wanted: MetricFilter) -> list[Metric]:
        return store.metrics(HERE, wanted, limit=10)

    assert found(MetricFilter(namespace="Other")) == [LOSS._replace(namespace="Other")]
    assert found(MetricFilter(name="none")) == []
    assert found(MetricFilter(dimensions=[("Host", None)])) == [odd]
    assert found(MetricFilter(namespace="Jobs", dimensions=[("Job", "a")])) == [LOSS]
    assert found(MetricFilter(dimensions=[("Job", 'b"],["Host')])) == [odd]


def test_metrics_that_were_not_put_lately_can_be_left_out(store: SqliteMetricStore, clock: HandClock) -> None:
    store.put(HERE, [Datum.of(LOSS, 1, 1.0)])
    clock.turn(10)
    assert store.metrics(HERE, MetricFilter(active_since=clock.now() - 5), limit=9) == []


def test_latest_gives_the_newest_of_every_metric(store: SqliteMetricStore) -> None:
    other = LOSS._replace(name="accuracy")
    store.put(
        HERE,
        [Datum.of(LOSS, 5, 1.0), Datum.of(LOSS, 9, 2.0), Datum.of(LOSS, 9, 3.0), Datum.of(other, 1, 0.5)],
    )
    found = store.latest(HERE, "Jobs", LOSS.dimensions)
    assert [(datum.metric.name, datum.timestamp, datum.maximum) for datum in found] == [
        ("accuracy", 1, 0.5),
        ("loss", 9, 3.0),
    ]


def test_other_regions_see_nothing(store: SqliteMetricStore) -> None:
    store.put(HERE, [Datum.of(LOSS, 1, 1.0)])
    there = Scope(HERE.account, "us-east-1")
    assert store.statistics(there, LOSS, HOUR) == []
    assert store.metrics(there, MetricFilter(), limit=9) == []


def test_sweep_forgets_data_after_455_days(store: SqliteMetricStore) -> None:
    day = 86_400
    store.put(HERE, [Datum.of(LOSS, 0, 1.0), Datum.of(LOSS, 10 * day, 1.0)])
    assert store.sweep(now=456 * day) == 1
    assert store.sweep(now=466 * day) == 1
    assert store.metrics(HERE, MetricFilter(), limit=9) == []


def test_one_metric_is_found_fast_among_many(store: SqliteMetricStore) -> None:
    noise = [Datum.of(Metric.of("Jobs", "loss", {"Job": str(n % 500)}), n, n) for n in range(50_000)]
    store.put(HERE, [*noise, Datum.of(LOSS, 1, 1.0)])
    store.statistics(HERE, LOSS, HOUR)
    started = time.perf_counter()
    for _ in range(100):
        store.statistics(HERE, LOSS, HOUR)
    assert time.perf_counter() - started < 0.5  # some 2 ms; reading all points would take seconds
