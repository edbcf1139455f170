"""Percentiles of counted values."""

import pytest

from sagesse.engines.metrics.percentile import percentile


@pytest.mark.parametrize(
    ("values", "rank", "expected"),
    [
        ([(7.0, 1.0)], 50, 7.0),
        ([(1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (4.0, 1.0)], 50, 2.5),
        ([(1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (4.0, 1.0)], 0, 1.0),
        ([(1.0, 1.0), (2.0, 1.0), (3.0, 1.0), (4.0, 1.0)], 100, 4.0),
        ([(1.0, 99.0), (100.0, 1.0)], 90, 1.0),
        ([(1.0, 3.0), (5.0, 1.0)], 90, 1 + 4 * 0.7),
        ([(1.0, 1.0), (2.0, 2.0), (3.0, 0.5)], 100, 3.0),
    ],
)
def test_percentiles(values: list[tuple[float, float]], rank: float, expected: float) -> None:
    assert percentile(values, rank) == pytest.approx(expected)
