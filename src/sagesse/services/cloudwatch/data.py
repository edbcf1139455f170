"""GetMetricData: metrics and expressions over them, a page of points at a time."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sagesse.core.scope import Scope
from sagesse.engines.metrics.base import Metric, MetricStore, StatisticsQuery
from sagesse.services.cloudwatch.datum import read_dimensions
from sagesse.services.cloudwatch.error import invalid_query, invalid_token
from sagesse.services.cloudwatch.evaluate import MAX_GRID, Evaluator, Value, Work
from sagesse.services.cloudwatch.expression import Node, names, parse
from sagesse.services.cloudwatch.series import Series, finite
from sagesse.services.cloudwatch.window import is_period, read_statistic, round_start

_MAX_QUERIES = 500
_ID = re.compile(r"[a-z][a-zA-Z0-9_]{0,254}")
_Query = Mapping[str, Any]


class DataAnswer:
    """Computes the queries of one call, each once.

    Raises:
        ServiceError: a query is wrong; all are checked before any is computed.
    """

    def __init__(self, store: MetricStore, scope: Scope, req: Mapping[str, Any], now: float) -> None:
        self._store, self._scope, self._now = store, scope, now
        self._start, self._end = float(req["StartTime"]), float(req["EndTime"])
        if self._start >= self._end:
            raise invalid_query("The parameter StartTime must be less than the parameter EndTime.")
        self._queries = _by_id(req["MetricDataQueries"])
        self._trees = {
            name: parse(query["Expression"]) for name, query in self._queries.items() if "Expression" in query
        }
        for query in self._queries.values():
            if "MetricStat" in query:
                _check_stat(query["MetricStat"])
        self._values: dict[str, Value] = {}
        self._work = Work()
        self._compute()

    def results(self) -> list[tuple[str, Series]]:
        """(id, series) of every query that returns data, labelled, in the order of the call."""
        found: list[tuple[str, Series]] = []
        for name, query in self._queries.items():
            if not query.get("ReturnData", True):
                continue
            value = self._values[name]
            if isinstance(value, (int, float)):
                raise invalid_query(
                    f"The result of expression '{name}' is a number; it must be a time series."
                )
            if isinstance(value, list):
                found += [(name, series) for series in value]
            else:
                found.append((name, value._replace(label=query.get("Label") or value.label or name)))
        return found

    def _compute(self) -> None:
        """Metrics first, then each expression as soon as what it uses is there."""
        for name, query in self._queries.items():
            if name not in self._trees:
                self._values[name] = self._metric(query)
        waiting = dict(self._trees)
        while waiting:
            ready = [name for name, tree in waiting.items() if waiting.keys().isdisjoint(names(tree))]
            if not ready:
                raise invalid_query(f"The expressions {', '.join(waiting)} depend on one another.")
            for name in ready:
                self._values[name] = self._expression(name, waiting.pop(name))

    def _value(self, name: str) -> Value:
        if name not in self._values:
            raise invalid_query(f"The expression uses '{name}', which is no Id of this call.")
        return self._values[name]

    def _metric(self, query: _Query) -> Series:
        wanted: Mapping[str, Any] = query["MetricStat"]
        period_s: int = wanted["Period"]
        statistic = read_statistic(wanted["Stat"])
        if statistic is None:
            raise invalid_query(f"Sagesse does not support the statistic {wanted['Stat']}.")
        metric = _metric_of(wanted["Metric"])
        periods = self._store.statistics(
            self._scope,
            metric,
            StatisticsQuery(
                start=round_start(self._start, period_s, self._now),
                end=self._end,
                period_s=period_s,
                unit=wanted.get("Unit"),
                merges_units=True,
                percentiles=() if statistic.rank is None else (statistic.rank,),
            ),
        )
        values = {period.timestamp: statistic.value(period) for period in periods}
        points = {time: value for time, value in values.items() if value is not None}
        return Series(query.get("Label") or metric.name, period_s, points)

    def _expression(self, name: str, tree: Node) -> Value:
        period_s = self._period(name, tree)
        evaluator = Evaluator(
            self._value,
            [metric for metric, query in self._queries.items() if "MetricStat" in query],
            start=round_start(self._start, period_s, self._now),
            end=self._end,
            period_s=period_s,
            work=self._work,
        )
        value = evaluator.value(tree)
        return value._replace(label="") if isinstance(value, Series) else value

    def _period(self, name: str, tree: Node) -> int:
        """The period of what an expression makes up: its own, or the longest of the metrics it uses."""
        own: int | None = self._queries[name].get("Period")
        if own is not None:
            return own
        used = [self._values[other] for other in names(tree) if other in self._values]
        series = [one for value in used if not isinstance(value, (int, float)) for one in _listed(value)]
        return max((one.period_s for one in series), default=60)


def page(results: Sequence[tuple[str, Series]], req: Mapping[str, Any]) -> dict[str, Any]:
    """The answer: the points of `results` behind the token, as many as the call wants.

    Raises:
        ServiceError: `InvalidNextToken`.
    """
    limit = min(max(int(req.get("MaxDatapoints", MAX_GRID)), 1), MAX_GRID)
    skip = _read_skip(req.get("NextToken"))
    is_descending = req.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    shown: list[dict[str, Any]] = []
    at = 0
    for name, series in results:
        points = sorted(finite(series.points).items(), reverse=is_descending)
        part = points[max(skip - at, 0) : max(skip + limit - at, 0)]
        shown.append(
            {
                "Id": name,
                "Label": series.label,
                "Timestamps": [time for time, _ in part],
                "Values": [value for _, value in part],
                "StatusCode": "PartialData" if at + len(points) > skip + limit else "Complete",
            }
        )
        at += len(points)
    answer: dict[str, Any] = {"MetricDataResults": shown, "Messages": []}
    if at > skip + limit:
        answer["NextToken"] = str(skip + limit)
    return answer


def _read_skip(token: str | None) -> int:
    if token is None:
        return 0
    if not re.fullmatch(r"[0-9]{1,12}", token):
        raise invalid_token()
    return int(token)


def _by_id(queries: Sequence[_Query]) -> dict[str, _Query]:
    if len(queries) > _MAX_QUERIES:
        raise invalid_query(
            f"The collection MetricDataQueries must not have a size greater than {_MAX_QUERIES}."
        )
    found: dict[str, _Query] = {}
    for query in queries:
        name = query["Id"]
        if not _ID.fullmatch(name):
            raise invalid_query(
                f"The value {name} for parameter MetricDataQueries.Id is not matching [a-z][a-zA-Z0-9_]*"
            )
        if name in found:
            raise invalid_query(f"The values for parameter Id in MetricDataQueries are not unique: {name}")
        if ("MetricStat" in query) == ("Expression" in query):
            raise invalid_query(f"Query {name} must have either MetricStat or Expression.")
        if "AccountId" in query:
            raise invalid_query("Sagesse does not support AccountId: metrics of the own account only.")
        if "${" in query.get("Label", ""):
            raise invalid_query("Sagesse does not support dynamic labels (${...}).")
        found[name] = query
    return found


def _check_stat(wanted: Mapping[str, Any]) -> None:
    if not is_period(wanted["Period"]):
        raise invalid_query(f"Period {wanted['Period']} is not 1, 5, 10, 20, 30 or a multiple of 60.")
    metric = wanted["Metric"]
    if "Namespace" not in metric or "MetricName" not in metric:
        raise invalid_query("A Metric needs Namespace and MetricName.")


def _metric_of(metric: Mapping[str, Any]) -> Metric:
    dimensions = read_dimensions(metric.get("Dimensions", ()), "Metric")
    return Metric.of(metric["Namespace"], metric["MetricName"], dimensions)


def _listed(value: Series | list[Series]) -> list[Series]:
    return value if isinstance(value, list) else [value]
