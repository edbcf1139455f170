"""Metric math: the value of an expression."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from sagesse.services.cloudwatch.error import invalid_query
from sagesse.services.cloudwatch.expression import (
    Array,
    Function,
    Name,
    Negation,
    Node,
    Number,
    Operation,
    Text,
)
from sagesse.services.cloudwatch.series import (
    Series,
    across,
    combine,
    differences,
    each,
    fill,
    finite,
    interpolate,
    repeat,
    running_sum,
)

Value: TypeAlias = float | Series | list[Series]
MAX_GRID = 100_800
_MAX_SERIES = 500
_MAX_WORK = 3_000_000  # points that the expressions of one call may make: a second or two

_PLAIN: Mapping[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": lambda value: float(math.ceil(value)),
    "FLOOR": lambda value: float(math.floor(value)),
    "LOG": lambda value: math.log(value) if value > 0 else math.nan,
    "LOG10": lambda value: math.log10(value) if value > 0 else math.nan,
}
_GATHER: Mapping[str, Callable[[Sequence[float]], float]] = {
    "AVG": statistics.fmean,
    "MAX": max,
    "MIN": min,
    "STDDEV": statistics.pstdev,
    "SUM": math.fsum,
}
_ALONG: Mapping[str, Callable[[Series], Series]] = {
    "DIFF": lambda series: differences(series, per_second=False),
    "RATE": lambda series: differences(series, per_second=True),
    "RUNNING_SUM": running_sum,
}
_SPECIAL = ("FILL", "FIRST", "IF", "LAST", "METRICS", "METRIC_COUNT", "PERIOD", "TIME_SERIES")
FUNCTIONS = tuple(sorted((*_PLAIN, *_GATHER, *_ALONG, *_SPECIAL)))


class Work:
    """Counts the points that the expressions of one call make: a few short ones could ask for years of work."""

    def __init__(self) -> None:
        self._left = _MAX_WORK

    def count(self, value: Value) -> None:
        """Count what a part of an expression has made.

        Raises:
            ServiceError: it is too much for one call.
        """
        if isinstance(value, (int, float)):
            return
        made = value if isinstance(value, list) else [value]
        self._left -= sum(1 + len(series.points) for series in made)
        if self._left < 0:
            raise invalid_query(
                f"The expressions of this call make more than {_MAX_WORK:,} datapoints: ask for a shorter time range, "
                "a longer period or fewer expressions."
            )


class Evaluator:
    """Computes expressions over the queries of one call.

    Args:
        lookup: the value of a query, by id.
        metrics: ids of the queries that are metrics, for ``METRICS()``.
        start, end: the range of the call, epoch seconds.
        period_s: the distance of the points that `FILL` and `TIME_SERIES` make up.
        work: counts for the whole call.
    """

    def __init__(
        self,
        lookup: Callable[[str], Value],
        metrics: Sequence[str],
        *,
        start: float,
        end: float,
        period_s: int,
        work: Work,
    ) -> None:
        self._lookup = lookup
        self._work = work
        self._metrics = metrics
        self._start, self._end, self._period_s = start, end, period_s

    def value(self, node: Node) -> Value:
        """The value of a tree: a number, a series or several.

        Raises:
            ServiceError: a function is unknown, or does not take such arguments.
        """
        value = self._value(node)
        if not isinstance(node, Name):
            self._work.count(value)
        return value

    def _value(self, node: Node) -> Value:
        match node:
            case Number(value):
                return value
            case Name(name):
                return self._lookup(name)
            case Negation(operand):
                return self._combine("-", 0.0, self.value(operand))
            case Operation():
                return self._chain(node)
            case Array(items):
                return self._array(items)
            case Text(text):
                raise invalid_query(f"The text '{text}' is not expected here.")
            case Function(name, arguments):
                return self._call(name, arguments)

    def _array(self, items: Sequence[Node]) -> list[Series]:
        found: list[Series] = []
        for item in items:
            found += _all_series(self.value(item))
            if len(found) > _MAX_SERIES:
                raise invalid_query(f"An array holds at most {_MAX_SERIES} time series.")
        return found

    def _chain(self, node: Operation) -> Value:
        """`a + b + c + ...`, which nests to the left and may be a thousand long, without recursion."""
        steps: list[Operation] = [node]
        while isinstance(first := steps[-1].left, Operation):
            steps.append(first)
        value = self.value(first)
        for step in reversed(steps):
            value = self._combine(step.sign, value, self.value(step.right))
            self._work.count(value)
        return value

    def _combine(self, sign: str, left: Value, right: Value) -> Value:
        if isinstance(left, list):
            if isinstance(right, list):
                raise invalid_query(f"'{sign}' does not take two arrays of time series.")
            return [_series(combine(sign, one, right)) for one in left]
        if isinstance(right, list):
            return [_series(combine(sign, left, one)) for one in right]
        return combine(sign, left, right)

    def _call(self, name: str, arguments: tuple[Node, ...]) -> Value:
        if name == "METRICS":
            return self._all_metrics(arguments)
        if name == "FILL":
            return self._fill(arguments)
        if name not in FUNCTIONS:
            raise invalid_query(
                f"Sagesse does not support the function {name}; it has {', '.join(FUNCTIONS)}."
            )
        values = [self.value(argument) for argument in arguments]
        if name == "IF":
            return _choose(values)
        if len(values) != 1:
            raise invalid_query(f"{name} takes one argument, not {len(values)}.")
        return self._of_one(name, values[0])

    def _of_one(self, name: str, value: Value) -> Value:
        if name == "TIME_SERIES" and isinstance(value, (int, float)):
            return Series("", self._period_s, finite(dict.fromkeys(self._grid(self._period_s), value)))
        if name in _PLAIN:
            return _map(value, _PLAIN[name])
        if isinstance(value, (int, float)):
            raise invalid_query(f"{name} takes a time series, not a number.")
        if name in _GATHER:
            return _gather(value, _GATHER[name])
        if name in _ALONG:
            return [_ALONG[name](one) for one in value] if isinstance(value, list) else _ALONG[name](value)
        return _pick(name, value)

    def _all_metrics(self, arguments: tuple[Node, ...]) -> list[Series]:
        match arguments:
            case ():
                wanted = self._metrics
            case (Text(part),):
                wanted = [name for name in self._metrics if part in name]
            case _:
                raise invalid_query("METRICS takes nothing or one quoted text.")
        return [series for name in wanted for series in _all_series(self._lookup(name))]

    def _fill(self, arguments: tuple[Node, ...]) -> Value:
        if len(arguments) != 2:
            raise invalid_query("FILL takes two arguments.")
        value = self.value(arguments[0])
        if isinstance(value, list):
            return [self._fill_one(series, arguments[1]) for series in value]
        if isinstance(value, Series):
            return self._fill_one(value, arguments[1])
        raise invalid_query("FILL takes a time series first.")

    def _fill_one(self, series: Series, filler: Node) -> Series:
        times = self._grid(series.period_s)
        match filler:
            case Name("REPEAT"):
                return repeat(series, times)
            case Name("LINEAR"):
                return interpolate(series, times)
            case _:
                value = self.value(filler)
        if not isinstance(value, (int, float)):
            raise invalid_query("FILL takes REPEAT, LINEAR or a number second.")
        return fill(series, times, value)

    def _grid(self, period_s: int) -> list[float]:
        size = math.ceil((self._end - self._start) / period_s)
        if size > MAX_GRID:
            raise invalid_query(f"{size} points would be made up; the limit is {MAX_GRID}.")
        return [self._start + number * period_s for number in range(size)]


def _series(value: Series | float) -> Series:
    if isinstance(value, (int, float)):
        raise invalid_query("An array holds time series, not numbers.")
    return value


def _all_series(value: Value) -> list[Series]:
    return value if isinstance(value, list) else [_series(value)]


def _map(value: Value, work: Callable[[float], float]) -> Value:
    if isinstance(value, (int, float)):
        return work(value) if math.isfinite(value) else math.nan
    return [each(one, work) for one in value] if isinstance(value, list) else each(value, work)


def _gather(value: Series | list[Series], work: Callable[[Sequence[float]], float]) -> Value:
    """Of one series a number; of several a series, time by time."""

    def reduce(values: Sequence[float]) -> float:
        known = [value for value in values if math.isfinite(value)]
        try:
            return float(work(known)) if known else math.nan
        except OverflowError:
            return math.nan

    return across(value, reduce) if isinstance(value, list) else reduce(list(value.points.values()))


def _pick(name: str, value: Series | list[Series]) -> Value:
    """`PERIOD` of a series; `METRIC_COUNT`, `FIRST`, `LAST` of an array."""
    if name == "PERIOD" and isinstance(value, Series):
        return float(value.period_s)
    if name == "METRIC_COUNT" and isinstance(value, list):
        return float(len(value))
    if name in {"FIRST", "LAST"} and isinstance(value, list) and value:
        return value[0 if name == "FIRST" else -1]
    raise invalid_query(f"{name} does not take such an argument.")


def _choose(values: Sequence[Value]) -> Value:
    """`IF(condition, then[, otherwise])`: a series where any argument is one; a number otherwise."""
    if len(values) not in (2, 3) or any(isinstance(value, list) for value in values):
        raise invalid_query("IF takes two or three time series or numbers.")
    condition, *branches = [value for value in values if not isinstance(value, list)]
    if isinstance(condition, (int, float)):
        chosen = 0 if condition else 1
        return branches[chosen] if chosen < len(branches) else math.nan
    points: dict[float, float] = {}
    for time, flag in condition.points.items():
        chosen = 0 if flag else 1
        found = _at(branches[chosen], time) if chosen < len(branches) else None
        if found is not None:
            points[time] = found
    return condition._replace(points=points)


def _at(value: Series | float, time: float) -> float | None:
    return value.points.get(time) if isinstance(value, Series) else value
