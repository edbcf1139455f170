"""Managed spot training and retries: when a run is interrupted, and what a job that was interrupted costs."""

import random
from collections.abc import Mapping
from typing import Any

from sagesse.core.error import validation_error

DISCOUNT = 0.7
"""What spot capacity costs less here; on AWS a market decides."""


class SpotMarket:
    """Takes capacity back now and then, as the spot market does.

    Args:
        interruptions_per_hour: how often on average a running job is interrupted; 0 never.
        chance: the randomness.
    """

    def __init__(self, interruptions_per_hour: float = 0.0, chance: random.Random | None = None) -> None:
        self._rate = interruptions_per_hour
        self._chance = chance or random.Random()

    def lifetime_s(self) -> float | None:
        """How long the capacity of a run that begins now will last; None for ever."""
        return self._chance.expovariate(self._rate / 3600) if self._rate > 0 else None


def is_spot(request: Mapping[str, Any]) -> bool:
    """Whether the job runs on spot capacity."""
    return bool(request.get("EnableManagedSpotTraining"))


def check_spot(req: Mapping[str, Any]) -> None:
    """Refuse times that make no sense together.

    Raises:
        ServiceError: as SageMaker words it.
    """
    stopping: Mapping[str, int] = req.get("StoppingCondition", {})
    wait_s = stopping.get("MaxWaitTimeInSeconds")
    if is_spot(req):
        if wait_s is None or wait_s < stopping.get("MaxRuntimeInSeconds", 86_400):
            raise validation_error(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            )
    elif wait_s is not None:
        raise validation_error(
            "MaxWaitTimeInSeconds can only be specified when EnableManagedSpotTraining is true"
        )


def times(request: Mapping[str, Any], in_use_s: float) -> dict[str, int]:
    """TrainingTimeInSeconds and BillableTimeInSeconds of a job that had its instances for `in_use_s`."""
    seconds = max(1, round(in_use_s))
    billed = max(1, round(seconds * (1 - DISCOUNT))) if is_spot(request) else seconds
    return {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": billed}
