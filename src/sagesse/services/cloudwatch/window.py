"""The time range and the statistics a client asks for."""

import re
from typing import NamedTuple

from sagesse.engines.metrics.base import Statistics

_DAY_S = 86_400
_SHORT_PERIODS = (1, 5, 10, 20, 30)
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100(?:\.0{1,10})?)")
_PLAIN = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


class Statistic(NamedTuple):
    """A statistic by its name; `rank` for a percentile ("p99.9")."""

    name: str
    rank: float | None = None

    def value(self, period: Statistics) -> float | None:
        """Its value in a period, or None when the stored data do not tell it."""
        if self.rank is not None:
            return period.percentiles.get(self.rank)
        return {
            "SampleCount": period.samples,
            "Average": period.average,
            "Sum": period.sum,
            "Minimum": period.minimum,
            "Maximum": period.maximum,
        }[self.name]


def read_statistic(name: str) -> Statistic | None:
    """The statistic of that name, or None when there is none or we do not compute it."""
    if name in _PLAIN:
        return Statistic(name)
    found = _PERCENTILE.fullmatch(name)
    return Statistic(name, float(found[1])) if found else None


def round_start(start: float, period_s: int, now: float) -> float:
    """Where the first period begins: `start` rounded down as CloudWatch does, coarser for older data."""
    if period_s in _SHORT_PERIODS:
        step = period_s
    elif start >= now - 15 * _DAY_S:
        step = 60
    else:
        step = 300 if start >= now - 63 * _DAY_S else 3600
    return start // step * step


def is_period(period_s: int) -> bool:
    """Whether CloudWatch knows that period: 1, 5, 10, 20, 30 or a multiple of 60 seconds, a year at most."""
    return period_s in _SHORT_PERIODS or (period_s % 60 == 0 and 0 < period_s <= 366 * _DAY_S)
