"""The spot market's chance, and what the time of a job costs."""

import random

import pytest

from sagesse.services.sagemaker._spot import SpotMarket, times


def test_without_a_rate_capacity_lasts() -> None:
    assert SpotMarket().lifetime_s() is None


def test_capacity_lasts_as_long_on_average_as_the_rate_says() -> None:
    market = SpotMarket(60, random.Random(1))
    lifetimes = [market.lifetime_s() or 0 for _ in range(4000)]
    assert sum(lifetimes) / len(lifetimes) == pytest.approx(60, rel=0.1)


@pytest.mark.parametrize(("spot", "billed"), [(True, 30), (False, 100)])
def test_spot_time_costs_thirty_percent(spot: bool, billed: int) -> None:
    assert times({"EnableManagedSpotTraining": spot}, 100.2) == {
        "TrainingTimeInSeconds": 100,
        "BillableTimeInSeconds": billed,
    }
