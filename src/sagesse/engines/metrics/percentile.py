"""Percentiles of values that were each seen a number of times."""

from collections.abc import Sequence


def percentile(values: Sequence[tuple[float, float]], rank: float) -> float:
    """The `rank`-th percentile (0-100) of (value, count) pairs sorted by value.

    Linear between the closest ranks, as if each value stood `count` times in a row.

    Source: Hyndman and Fan (1996), definition 7.
    """
    if rank >= 100:
        return values[-1][0]  # whatever fractions the counts have
    total = sum(count for _, count in values)
    place = max(total - 1, 0.0) * rank / 100
    below, fraction = int(place), place - int(place)
    low = _value_at(values, below)
    return low + (_value_at(values, below + 1) - low) * fraction if fraction else low


def _value_at(values: Sequence[tuple[float, float]], index: int) -> float:
    seen = 0.0
    for value, count in values:
        seen += count
        if seen > index:
            return value
    return values[-1][0]
