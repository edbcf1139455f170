"""`MetricStore` in one SQLite file.

Datapoints lie by metric and time, so statistics of one metric read only its own rows; they are added up when
asked for.
"""

import sqlite3
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from sagesse.core.clock import Clock, SystemClock
from sagesse.core.scope import Scope
from sagesse.core.sqlite import Database
from sagesse.engines.metrics.base import Datum, Dimensions, Metric, MetricFilter, Statistics, StatisticsQuery
from sagesse.engines.metrics.percentile import percentile

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS series (
        id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, namespace TEXT NOT NULL,
        dimensions TEXT NOT NULL, name TEXT NOT NULL, first INTEGER NOT NULL, put INTEGER NOT NULL,
        UNIQUE (account, region, namespace, dimensions, name))""",
    "CREATE INDEX IF NOT EXISTS series_first ON series (first)",
    """CREATE TABLE IF NOT EXISTS point (
        series INTEGER NOT NULL, timestamp INTEGER NOT NULL, id INTEGER NOT NULL, unit TEXT NOT NULL,
        count REAL NOT NULL, sum REAL NOT NULL, minimum REAL NOT NULL, maximum REAL NOT NULL,
        PRIMARY KEY (series, timestamp, id)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS source (
        account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, source_offset INTEGER NOT NULL,
        put INTEGER NOT NULL, PRIMARY KEY (account, region, name)) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL)",
    "INSERT OR IGNORE INTO counter VALUES (1, 0)",
)
_KEPT_MS = 455 * 86_400_000
_RANGE = """FROM point WHERE series = :series AND timestamp >= :start AND timestamp < :end
    AND (:unit IS NULL OR unit = :unit)"""


class SqliteMetricStore:
    """Metrics in one SQLite file.

    Args:
        path: the file.
        clock: says when a metric was last put.
        durable: False skips fsync (``--ephemeral``).
    """

    def __init__(self, path: Path, *, clock: Clock | None = None, durable: bool = True) -> None:
        self._database = Database(path, _SCHEMA, durable=durable)
        self._clock = clock or SystemClock()

    def put(self, scope: Scope, data: Iterable[Datum], *, source: str = "") -> int:
        """See `MetricStore.put`."""
        batch = list(data)
        now = _milliseconds(self._clock.now())

        def work(connection: sqlite3.Connection) -> int:
            fresh = _unseen(connection, scope, source, batch, now=now) if source else batch
            if fresh:
                _insert(connection, scope, fresh, now=now)
            return len(fresh)

        return self._database.write(work)

    def statistics(self, scope: Scope, metric: Metric, query: StatisticsQuery) -> list[Statistics]:
        """See `MetricStore.statistics`."""
        reader = self._database.reader
        series = _find(reader, scope, metric)
        if series is None:
            return []
        start, period = _milliseconds(query.start), query.period_s * 1000
        place = {
            "series": series,
            "start": start,
            "end": _milliseconds(query.end),
            "period": period,
            "unit": query.unit,
        }
        unit = "''" if query.merges_units else "unit"
        rows = reader.execute(
            f"""SELECT (timestamp - :start) / :period AS bucket, {unit} AS shown, sum(count), sum(sum),
                min(minimum), max(maximum) {_RANGE} GROUP BY bucket, shown ORDER BY bucket, shown""",
            place,
        ).fetchall()
        ranks = _percentiles(reader, place, unit, query.percentiles) if query.percentiles else {}
        return [
            Statistics(
                (start + bucket * period) / 1000, shown, *numbers, percentiles=ranks.get((bucket, shown), {})
            )
            for bucket, shown, *numbers in rows
        ]

    def metrics(
        self, scope: Scope, wanted: MetricFilter, *, after: Metric | None = None, limit: int
    ) -> list[Metric]:
        """See `MetricStore.metrics`."""
        conditions = ["account = ?", "region = ?", "put >= ?"]
        values: list[Any] = [*scope, _milliseconds(wanted.active_since)]
        if wanted.namespace is not None:
            conditions.append("namespace = ?")
            values.append(wanted.namespace)
        if wanted.name is not None:
            conditions.append("name = ?")
            values.append(wanted.name)
        for name, value in wanted.dimensions:
            conditions.append("instr(dimensions, ?) > 0")
            values.append(_part_of_dimensions(name, value))
        if after is not None:
            conditions.append("(namespace, dimensions, name) > (?, ?, ?)")
            values += [after.namespace, _write_dimensions(after.dimensions), after.name]
        rows = self._database.reader.execute(
            f"""SELECT namespace, name, dimensions FROM series WHERE {" AND ".join(conditions)}
                ORDER BY namespace, dimensions, name LIMIT ?""",
            (*values, limit),
        )
        return [Metric(row[0], row[1], _read_dimensions(row[2])) for row in rows.fetchall()]

    def latest(self, scope: Scope, namespace: str, dimensions: Dimensions) -> list[Datum]:
        """See `MetricStore.latest`."""
        rows = self._database.reader.execute(
            """SELECT s.name, p.timestamp, p.count, p.sum, p.minimum, p.maximum, p.unit
                FROM series s JOIN point p ON p.series = s.id
                WHERE s.account=? AND s.region=? AND s.namespace=? AND s.dimensions=? AND (p.timestamp, p.id) =
                (SELECT timestamp, id FROM point WHERE series = s.id ORDER BY timestamp DESC, id DESC LIMIT 1)
                ORDER BY s.name""",
            (*scope, namespace, _write_dimensions(dimensions)),
        ).fetchall()
        return [
            Datum(Metric(namespace, name, dimensions), timestamp / 1000, *numbers)
            for name, timestamp, *numbers in map(tuple, rows)
        ]

    def sweep(self, now: float) -> int:
        """See `MetricStore.sweep`. One metric in a transaction, so that writers pass between."""
        oldest = _milliseconds(now) - _KEPT_MS
        freed = 0
        while True:
            step = self._database.write(lambda connection: _forget(connection, oldest))
            if step is None:
                return freed
            freed += step

    def wipe(self) -> None:
        """See `MetricStore.wipe`."""

        def work(connection: sqlite3.Connection) -> None:
            for table in ("point", "series", "source"):
                connection.execute(f"DELETE FROM {table}")

        self._database.write(work)

    def close(self) -> None:
        """See `MetricStore.close`."""
        self._database.close()


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _write_dimensions(dimensions: Dimensions) -> str:
    return orjson.dumps(dimensions).decode()


def _read_dimensions(text: str) -> Dimensions:
    return tuple((name, value) for name, value in orjson.loads(text))


def _part_of_dimensions(name: str, value: str | None) -> str:
    """What stored dimensions with that pair contain; in JSON no name or value can look like it."""
    if value is None:
        return orjson.dumps([name]).decode()[:-1] + ","
    return orjson.dumps([name, value]).decode()


def _find(connection: sqlite3.Connection, scope: Scope, metric: Metric) -> int | None:
    row = connection.execute(
        "SELECT id FROM series WHERE account=? AND region=? AND namespace=? AND dimensions=? AND name=?",
        (*scope, metric.namespace, _write_dimensions(metric.dimensions), metric.name),
    ).fetchone()
    return row[0] if row else None


def _unseen(
    connection: sqlite3.Connection, scope: Scope, source: str, batch: list[Datum], *, now: int
) -> list[Datum]:
    """What of `batch` is beyond the source's place, which moves on to the end of it."""
    row = connection.execute(
        "SELECT source_offset FROM source WHERE account=? AND region=? AND name=?", (*scope, source)
    ).fetchone()
    place = row[0] if row else -1
    fresh = [datum for datum in batch if datum.source_offset > place]
    if fresh:
        connection.execute(
            "INSERT OR REPLACE INTO source VALUES (?,?,?,?,?)",
            (*scope, source, max(datum.source_offset for datum in fresh), now),
        )
    return fresh


def _insert(connection: sqlite3.Connection, scope: Scope, batch: list[Datum], *, now: int) -> None:
    last_id: int = connection.execute(
        "UPDATE counter SET value = value + ? RETURNING value", (len(batch),)
    ).fetchone()[0]
    firsts: dict[Metric, float] = {}
    for datum in batch:
        firsts[datum.metric] = min(firsts.get(datum.metric, datum.timestamp), datum.timestamp)
    series = {
        metric: _series(connection, scope, metric, first=_milliseconds(first), now=now)
        for metric, first in firsts.items()
    }
    connection.executemany(
        "INSERT INTO point VALUES (?,?,?,?,?,?,?,?)",
        [
            (
                series[datum.metric],
                _milliseconds(datum.timestamp),
                number,
                datum.unit,
                datum.samples,
                datum.sum,
                datum.minimum,
                datum.maximum,
            )
            for number, datum in enumerate(batch, start=last_id - len(batch) + 1)
        ],
    )


def _series(connection: sqlite3.Connection, scope: Scope, metric: Metric, *, first: int, now: int) -> int:
    """The metric's id, with its first time and last put brought up to date."""
    return connection.execute(
        """INSERT INTO series (account, region, namespace, dimensions, name, first, put) VALUES (?,?,?,?,?,?,?)
            ON CONFLICT DO UPDATE SET first = min(first, excluded.first), put = max(put, excluded.put)
            RETURNING id""",
        (*scope, metric.namespace, _write_dimensions(metric.dimensions), metric.name, first, now),
    ).fetchone()[0]


def _percentiles(
    reader: sqlite3.Connection, place: dict[str, Any], unit: str, ranks: tuple[float, ...]
) -> dict[tuple[int, str], dict[float, float]]:
    """Percentiles by (bucket, unit), for those that hold only single values."""
    rows = reader.execute(
        f"""SELECT (timestamp - :start) / :period AS bucket, {unit} AS shown, minimum, maximum, count {_RANGE}
            ORDER BY bucket, shown, minimum""",
        place,
    )
    found: dict[tuple[int, str], dict[float, float]] = {}
    for key, group in groupby((_Row(*row) for row in rows), key=_bucket_and_unit):
        members = list(group)
        if all(row.minimum == row.maximum for row in members):
            values = [(row.minimum, row.samples) for row in members]
            found[key] = {rank: percentile(values, rank) for rank in ranks}
    return found


class _Row(NamedTuple):
    bucket: int
    unit: str
    minimum: float
    maximum: float
    samples: float


def _bucket_and_unit(row: _Row) -> tuple[int, str]:
    return row.bucket, row.unit


def _forget(connection: sqlite3.Connection, oldest: int) -> int | None:
    """Remove the old data of one metric, and the metric when nothing is left; None when no metric has any."""
    connection.execute("DELETE FROM source WHERE put < ?", (oldest,))
    row = connection.execute("SELECT id FROM series WHERE first < ? LIMIT 1", (oldest,)).fetchone()
    if row is None:
        return None
    series: int = row[0]
    gone = connection.execute("DELETE FROM point WHERE series=? AND timestamp < ?", (series, oldest)).rowcount
    first = connection.execute("SELECT min(timestamp) FROM point WHERE series=?", (series,)).fetchone()[0]
    if first is None:
        connection.execute("DELETE FROM series WHERE id=?", (series,))
    else:
        connection.execute("UPDATE series SET first=? WHERE id=?", (first, series))
    return gone
