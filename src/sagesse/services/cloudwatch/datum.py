"""From the `MetricData` of a PutMetricData call to stored data: the rules of each member."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sagesse.engines.metrics.base import Datum, Metric
from sagesse.services.cloudwatch.error import invalid_combination, invalid_value, missing

_MAX_DATA, _MAX_VALUES = 1000, 150
_TWO_WEEKS_S, _TWO_HOURS_S = 14 * 86_400, 7200
_LARGEST = 2.0**360
_KINDS = ("Value", "StatisticValues", "Values")


def read_data(namespace: str, items: Sequence[Mapping[str, Any]], *, now: float) -> list[Datum]:
    """Every datum of a call, or none of it.

    Raises:
        ServiceError: a member breaks a rule; it is named as AWS does, ``MetricData.member.1.Value``.
    """
    if namespace.startswith("AWS/"):
        raise invalid_value("The value AWS/ for parameter Namespace is invalid.")
    if not items:
        raise missing("MetricData")
    if len(items) > _MAX_DATA:
        raise invalid_value(f"The collection MetricData must not have a size greater than {_MAX_DATA}.")
    data: list[Datum] = []
    for number, item in enumerate(items, start=1):
        data += _read_item(namespace, item, f"MetricData.member.{number}", now=now)
    return data


def read_dimensions(items: Iterable[Mapping[str, str]], where: str) -> dict[str, str]:
    """Dimensions by name.

    Raises:
        ServiceError: a name is given twice.
    """
    dimensions: dict[str, str] = {}
    for item in items:
        if item["Name"] in dimensions:
            raise invalid_value(f"{where}: dimension {item['Name']} is given more than once.")
        dimensions[item["Name"]] = item["Value"]
    return dimensions


def _read_item(namespace: str, item: Mapping[str, Any], where: str, *, now: float) -> list[Datum]:
    timestamp = float(item.get("Timestamp", now))
    if timestamp < now - _TWO_WEEKS_S:
        raise invalid_value(
            f"The parameter {where}.Timestamp must specify a time no more than two weeks in the past."
        )
    if timestamp > now + _TWO_HOURS_S:
        raise invalid_value(
            f"The parameter {where}.Timestamp must specify a time no more than two hours in the future."
        )
    if item.get("StorageResolution", 60) not in (1, 60):
        raise invalid_value(f"The parameter {where}.StorageResolution must be 1 or 60.")
    dimensions = read_dimensions(item.get("Dimensions", ()), where)
    metric = Metric.of(namespace, item["MetricName"], dimensions)
    unit = item.get("Unit", "None")
    return [Datum(metric, timestamp, *numbers, unit=unit) for numbers in _read_numbers(item, where)]


def _read_numbers(item: Mapping[str, Any], where: str) -> list[tuple[float, float, float, float]]:
    """(samples, sum, minimum, maximum) of what the item holds."""
    match [kind for kind in _KINDS if kind in item]:
        case []:
            raise missing(f"{where}.Value")
        case ["Value"]:
            value = _in_range(item["Value"], f"{where}.Value")
            return [(1.0, value, value, value)]
        case ["StatisticValues"]:
            return [_read_statistic_set(item["StatisticValues"], f"{where}.StatisticValues")]
        case ["Values"]:
            return _read_values(item, where)
        case kinds:
            first, second, *_ = kinds
            raise invalid_combination(
                f"The parameters {where}.{first} and {where}.{second} are mutually exclusive "
                "and you have specified both."
            )


def _read_statistic_set(values: Mapping[str, float], where: str) -> tuple[float, float, float, float]:
    samples, total, minimum, maximum = (
        _in_range(values[member], f"{where}.{member}")
        for member in ("SampleCount", "Sum", "Minimum", "Maximum")
    )
    if samples <= 0:
        raise invalid_value(f"The parameter {where}.SampleCount must be greater than 0.")
    if minimum > maximum:
        raise invalid_value(f"The parameter {where}.Maximum must be greater than {where}.Minimum.")
    return samples, total, minimum, maximum


def _read_values(item: Mapping[str, Any], where: str) -> list[tuple[float, float, float, float]]:
    values: Sequence[float] = item["Values"]
    counts: Sequence[float] = item.get("Counts", [1.0] * len(values))
    if not values:
        raise missing(f"{where}.Values")
    if len(values) > _MAX_VALUES:
        raise invalid_value(f"The collection {where}.Values must not have a size greater than {_MAX_VALUES}.")
    if len(values) != len(counts):
        raise invalid_value(f"The parameters {where}.Values and {where}.Counts must be of the same size.")
    rows: list[tuple[float, float, float, float]] = []
    for value, count in zip(values, counts, strict=True):
        seen, size = _in_range(value, f"{where}.Values"), _in_range(count, f"{where}.Counts")
        if size < 0:
            raise invalid_value(f"The value {count} for parameter {where}.Counts is invalid.")
        if size:
            rows.append((size, seen * size, seen, seen))
    return rows


def _in_range(value: float, where: str) -> float:
    number = float(value)
    if not abs(number) <= _LARGEST:  # NaN is not
        raise invalid_value(f"The value {value} for parameter {where} is invalid.")
    return number
