"""Work for a job that somebody may stop meanwhile: each call to another service looks first whether they did."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from sagesse.core.call import Call, Context, Platform
from sagesse.core.clock import Clock
from sagesse.core.record import Key, Store
from sagesse.services.sagemaker._job import Job

_LOOK_S = 0.5


class StopAsked(Exception):  # noqa: N818 - reads as the fact it states
    """The job was asked to stop, or is gone; the next step sees to it."""


def stoppable(acting: Context, job: Job) -> Context:
    """`acting`, whose calls raise `StopAsked` once the job is to stop."""
    return msgspec.structs.replace(acting, platform=_StoppablePlatform(acting.platform, job))


class _StoppablePlatform:
    def __init__(self, platform: Platform, job: Job) -> None:
        self._platform = platform
        self._job = job
        self._look_at = time.monotonic() + _LOOK_S

    @property
    def store(self) -> Store:
        return self._platform.store

    @property
    def clock(self) -> Clock:
        return self._platform.clock

    def call(self, call: Call) -> Mapping[str, Any]:
        self._heed()
        return self._platform.call(call)

    async def acall(self, call: Call) -> Mapping[str, Any]:
        self._heed()
        return await self._platform.acall(call)

    def wake(self, key: Key, *, after_s: float = 0) -> None:
        self._platform.wake(key, after_s=after_s)

    def _heed(self) -> None:
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _LOOK_S
        record = self._platform.store.get(self._job.record.key)
        if record is None or self._job._replace(record=record).is_stopping:
            raise StopAsked
