"""The operations of CloudWatch on metrics."""

import base64
import binascii
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sagesse.core.call import Context
from sagesse.core.scope import Scope
from sagesse.core.service import Facts, Grant, Params, Result, Service
from sagesse.engines.metrics.base import Metric, MetricFilter, MetricStore, Statistics, StatisticsQuery
from sagesse.services.cloudwatch.data import DataAnswer, page
from sagesse.services.cloudwatch.datum import read_data, read_dimensions
from sagesse.services.cloudwatch.error import invalid_combination, invalid_value, missing
from sagesse.services.cloudwatch.window import Statistic, is_period, read_statistic, round_start

_MAX_DATAPOINTS = 1440
_LIST_PAGE = 500
_TWO_WEEKS_S, _THREE_HOURS_S = 14 * 86_400, 3 * 3600


class Metrics(Service):
    """PutMetricData, GetMetricStatistics, GetMetricData, ListMetrics.

    Args:
        metrics: where datapoints are kept.
    """

    service = "cloudwatch"

    def __init__(self, metrics: MetricStore) -> None:
        self._metrics = metrics

    def put_metric_data(self, ctx: Context, req: Params) -> Result:
        """Store datapoints, all or none; on disk when answered."""
        if "EntityMetricData" in req:
            raise invalid_value("Sagesse does not support EntityMetricData: put the data in MetricData.")
        data = read_data(req["Namespace"], req.get("MetricData", ()), now=ctx.now())
        self._metrics.put(ctx.scope, data)
        return None

    def get_metric_statistics(self, ctx: Context, req: Params) -> Result:
        """Statistics of one metric by period, in the order of time."""
        _check_range(req)
        period_s: int = req["Period"]
        wanted = _wanted_statistics(req)
        dimensions = read_dimensions(req.get("Dimensions", ()), "Dimensions")
        query = StatisticsQuery(
            start=round_start(req["StartTime"], period_s, ctx.now()),
            end=req["EndTime"],
            period_s=period_s,
            unit=req.get("Unit"),
            percentiles=tuple(statistic.rank for statistic in wanted if statistic.rank is not None),
        )
        metric = Metric.of(req["Namespace"], req["MetricName"], dimensions)
        periods = self._metrics.statistics(ctx.scope, metric, query)
        return {"Label": metric.name, "Datapoints": [_datapoint(period, wanted) for period in periods]}

    def get_metric_data(self, ctx: Context, req: Params) -> Result:
        """Series of several metrics and of expressions over them."""
        return page(DataAnswer(self._metrics, ctx.scope, req, ctx.now()).results(), req)

    def list_metrics(self, ctx: Context, req: Params) -> Result:
        """Metrics that had data put in the last two weeks (three hours with RecentlyActive)."""
        age_s = _THREE_HOURS_S if "RecentlyActive" in req else _TWO_WEEKS_S
        wanted = MetricFilter(
            namespace=req.get("Namespace"),
            name=req.get("MetricName"),
            dimensions=[(one["Name"], one.get("Value")) for one in req.get("Dimensions", ())],
            active_since=ctx.now() - age_s,
        )
        owner = req.get("OwningAccount", ctx.account)
        if owner != ctx.account:
            raise invalid_value(f"Sagesse has no metrics of another account: OwningAccount {owner}.")
        after = _read_token(req["NextToken"]) if "NextToken" in req else None
        found = self._metrics.metrics(ctx.scope, wanted, after=after, limit=_LIST_PAGE + 1)
        result: dict[str, Any] = {"Metrics": [_shown(metric) for metric in found[:_LIST_PAGE]]}
        if req.get("IncludeLinkedAccounts"):
            result["OwningAccounts"] = [ctx.account] * len(result["Metrics"])
        if len(found) > _LIST_PAGE:
            result["NextToken"] = _write_token(found[_LIST_PAGE - 1])
        return result

    def _facts(self, operation: str, params: Params) -> Facts:
        """The namespace that data are put in."""
        if operation != "PutMetricData" or "Namespace" not in params:
            return {}
        return {"cloudwatch:namespace": str(params["Namespace"])}

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        """CloudWatch has no resources for metrics: every action is granted on `*`."""
        return (Grant(f"cloudwatch:{operation}", "*"),)


def _check_range(req: Params) -> None:
    if not is_period(req["Period"]):
        raise invalid_value("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
    if req["StartTime"] >= req["EndTime"]:
        raise invalid_combination("The parameter StartTime must be less than the parameter EndTime.")
    asked = math.ceil((req["EndTime"] - req["StartTime"]) / req["Period"])
    if asked > _MAX_DATAPOINTS:
        raise invalid_combination(
            f"You have requested up to {asked:,} datapoints, which exceeds the limit of {_MAX_DATAPOINTS:,}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )


def _wanted_statistics(req: Params) -> list[Statistic]:
    plain: Sequence[str] = req.get("Statistics", ())
    extended: Sequence[str] = req.get("ExtendedStatistics", ())
    if plain and extended:
        raise invalid_combination("Specify either Statistics or ExtendedStatistics, but not both.")
    if not plain and not extended:
        raise missing("Statistics or ExtendedStatistics")
    wanted = [(name, read_statistic(name)) for name in plain or extended]
    for name, statistic in wanted:
        if statistic is None or (statistic.rank is None) != bool(plain):
            raise invalid_value(
                f"The value {name} for parameter ExtendedStatistics is not supported: use p0 to p100."
            )
    return [statistic for _, statistic in wanted if statistic is not None]


def _datapoint(period: Statistics, wanted: Sequence[Statistic]) -> dict[str, Any]:
    shown: dict[str, Any] = {"Timestamp": period.timestamp, "Unit": period.unit}
    for statistic in wanted:
        value = statistic.value(period)
        if statistic.rank is None:
            shown[statistic.name] = value
        elif value is not None:
            shown.setdefault("ExtendedStatistics", {})[statistic.name] = value
    return shown


def _shown(metric: Metric) -> Mapping[str, Any]:
    return {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
    }


def _write_token(metric: Metric) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(metric)).decode()


def _read_token(token: str) -> Metric:
    try:
        return _decode(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        # ListMetrics models no InvalidNextToken
        raise invalid_value("The value for parameter NextToken is invalid.") from None


_decode = msgspec.json.Decoder(Metric).decode
