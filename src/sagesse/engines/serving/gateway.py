"""From an endpoint to an answer: choose a variant and a server, wait for one that is coming back, retry once."""

import asyncio
import time
from typing import NamedTuple

from sagesse.engines.serving.base import (
    Answer,
    Invocation,
    InvocationTimeout,
    Overloaded,
    ServerGone,
    ServingEngine,
    WorkerDied,
)
from sagesse.engines.serving.meter import InvocationMeter
from sagesse.engines.serving.routing import EndpointKey, RoutingTable, Variant, draw

_PATIENCE_S = 20.0


class EndpointMissing(Exception):  # noqa: N818 - these read as the facts they state
    """No endpoint of that name is in service."""


class VariantMissing(Exception):  # noqa: N818
    """The endpoint has no variant of that name; the text is the list of those it has."""


class Unavailable(Exception):  # noqa: N818
    """No healthy server, and none became healthy in time."""


class Served(NamedTuple):
    """An answer and the variant that gave it."""

    variant: str
    answer: Answer


class Gateway:
    """Passes invocations to model servers. For the event loop only.

    Args:
        patience_s: how long a request waits for a server that is starting (again).
    """

    def __init__(
        self,
        routes: RoutingTable,
        engine: ServingEngine,
        meter: InvocationMeter,
        *,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._routes = routes
        self._engine = engine
        self._meter = meter
        self._patience_s = patience_s

    async def invoke(self, key: EndpointKey, invocation: Invocation, *, target_variant: str = "") -> Served:
        """Have the endpoint answer.

        A server that dies before a byte of the reply came is asked for once more, or another in its place.

        Raises:
            EndpointMissing, VariantMissing, Unavailable, Overloaded, WorkerDied, InvocationTimeout: see there.
        """
        started = time.perf_counter()
        deadline = started + self._patience_s
        while True:
            variant, server_id = await self._choose(key, target_variant, deadline)
            try:
                answer = await self._engine.invoke(server_id, invocation)
            except ServerGone as gone:
                if time.perf_counter() > deadline:
                    raise Unavailable(str(gone)) from gone
                await asyncio.sleep(0)  # a server that is wrongly thought healthy must not stop the loop
                continue
            except WorkerDied as error:
                if error.may_retry and not invocation.is_retry:
                    invocation = invocation._replace(is_retry=True)
                    deadline = time.perf_counter() + self._patience_s
                    continue
                self._count(key, variant, 500, None, started)
                raise
            except (InvocationTimeout, Overloaded):
                self._count(key, variant, 500, None, started)
                raise
            self._count(key, variant, answer.status, answer.model_latency_us, started)
            return Served(variant, answer)

    async def _choose(self, key: EndpointKey, target_variant: str, deadline: float) -> tuple[str, str]:
        """A variant's name and a healthy server of it; waits for one until `deadline`."""
        while True:
            variants = self._candidates(key, target_variant)
            servers = {
                variant.name: server_id
                for variant in variants
                if (server_id := self._engine.pick(variant.server_ids)) is not None
            }
            if drawn := draw(variants, servers):
                return drawn[0].name, drawn[1]
            ids = [server_id for variant in variants for server_id in variant.server_ids]
            left_s = deadline - time.perf_counter()
            if left_s <= 0 or not await self._engine.settle(ids, left_s):
                raise Unavailable(f"no model server of endpoint {key[2]} is healthy")

    def _candidates(self, key: EndpointKey, target_variant: str) -> list[Variant]:
        variants = self._routes.variants(key)
        if variants is None:
            raise EndpointMissing(key[2])
        if not target_variant:
            return [variant for variant in variants if variant.weight > 0]
        chosen = [variant._replace(weight=1.0) for variant in variants if variant.name == target_variant]
        if not chosen:
            raise VariantMissing(", ".join(variant.name for variant in variants))
        return chosen

    def _count(
        self, key: EndpointKey, variant: str, status: int, model_us: float | None, started: float
    ) -> None:
        total_us = (time.perf_counter() - started) * 1e6
        self._meter.record(key, variant, status=status, model_us=model_us, total_us=total_us)
