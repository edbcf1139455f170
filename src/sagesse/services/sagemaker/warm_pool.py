"""Warm pools on their way: they expire, or were taken. What they are is in `_warm_pool`."""

from sagesse.core.call import Context
from sagesse.core.record import Record
from sagesse.core.service import Service
from sagesse.services.sagemaker._warm_pool import WARM_POOL, WarmPools
from sagesse.services.sagemaker.training import TRAINING_JOB


class WarmPoolEnds(Service):
    """Brings pools to their end; there are no operations on them.

    Args:
        pools: the pools.
    """

    service = "sagemaker"
    kinds = (WARM_POOL,)

    def __init__(self, pools: WarmPools) -> None:
        self._pools = pools

    def advance(self, ctx: Context, record: Record) -> float | None:
        """One step."""
        return self._pools.advance(ctx, TRAINING_JOB, record)
