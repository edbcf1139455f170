"""Arithmetic on time series, as metric math defines it.

A series maps times (epoch seconds) to values; what is missing on one side of an operation is missing in the
result, and so is what has no value (a division by zero).
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

Points: TypeAlias = dict[float, float]
_LARGEST = 1e300


class Series(NamedTuple):
    """A named time series; `period_s` is the distance of its points when none is missing."""

    label: str
    period_s: int
    points: Points


def _divide(left: float, right: float) -> float:
    return left / right if right else math.nan


def _power(left: float, right: float) -> float:
    try:
        result = left**right
    except (OverflowError, ZeroDivisionError):
        return math.nan
    return result if isinstance(result, float) else math.nan  # pyright: ignore[reportUnknownVariableType]


SIGNS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "^": _power,
    "==": lambda left, right: float(left == right),
    "!=": lambda left, right: float(left != right),
    "<": lambda left, right: float(left < right),
    "<=": lambda left, right: float(left <= right),
    ">": lambda left, right: float(left > right),
    ">=": lambda left, right: float(left >= right),
    "&&": lambda left, right: float(bool(left) and bool(right)),
    "||": lambda left, right: float(bool(left) or bool(right)),
}


def finite(points: Mapping[float, float]) -> Points:
    """The points that have a value."""
    return {time: value for time, value in points.items() if abs(value) <= _LARGEST}


def combine(sign: str, left: Series | float, right: Series | float) -> Series | float:
    """`left sign right`, point by point where both have one."""
    work = SIGNS[sign]
    if isinstance(left, Series):
        if isinstance(right, Series):
            both = [time for time in left.points if time in right.points]
            points = {time: work(left.points[time], right.points[time]) for time in both}
            return Series(left.label, max(left.period_s, right.period_s), finite(points))
        return each(left, lambda value: work(value, right))
    if isinstance(right, Series):
        return each(right, lambda value: work(left, value))
    return work(left, right)


def each(series: Series, work: Callable[[float], float]) -> Series:
    """`work` of every value."""
    return series._replace(points=finite({time: work(value) for time, value in series.points.items()}))


def across(series: Sequence[Series], work: Callable[[Sequence[float]], float]) -> Series:
    """`work` of the values of all series at each time at which any has one."""
    times = sorted({time for one in series for time in one.points})
    points = {time: work([one.points[time] for one in series if time in one.points]) for time in times}
    period_s = max((one.period_s for one in series), default=60)
    return Series(series[0].label if series else "", period_s, finite(points))


def fill(series: Series, times: Sequence[float], value: float) -> Series:
    """`value` at every one of `times` that the series misses, if it is one."""
    points = {time: series.points.get(time, value) for time in times}
    return series._replace(points=points if math.isfinite(value) else finite(points))


def repeat(series: Series, times: Sequence[float]) -> Series:
    """The value before at every one of `times` that the series misses, from its first on."""
    points: Points = {}
    last: float | None = None
    for time in times:
        if time in series.points:
            last = series.points[time]
        if last is not None:
            points[time] = last
    return series._replace(points=points)


def interpolate(series: Series, times: Sequence[float]) -> Series:
    """A straight line between its neighbours at every one of `times` that the series misses."""
    known = sorted(series.points)
    points: Points = {}
    at = 0
    for time in times:
        while at < len(known) and known[at] < time:
            at += 1
        if time in series.points:
            points[time] = series.points[time]
        elif 0 < at < len(known):
            points[time] = _between(series.points, known[at - 1], known[at], time)
    return series._replace(points=points)


def _between(points: Points, first: float, second: float, time: float) -> float:
    slope = (points[second] - points[first]) / (second - first)
    return points[first] + slope * (time - first)


def differences(series: Series, *, per_second: bool) -> Series:
    """The change from the point before, of each but the first; as a rate when `per_second`."""
    known = sorted(series.points)
    points = {
        second: (series.points[second] - series.points[first]) / (second - first if per_second else 1)
        for first, second in pairwise(known)
    }
    return series._replace(points=points)


def running_sum(series: Series) -> Series:
    """The sum of all points so far."""
    points: Points = {}
    total = 0.0
    for time in sorted(series.points):
        total += series.points[time]
        points[time] = total
    return series._replace(points=finite(points))
