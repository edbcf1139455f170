"""The gateway: variants, waiting, retrying; against an engine that does as the test says."""

import asyncio
from collections.abc import Sequence

import pytest

from sagesse.core.scope import Scope
from sagesse.engines.serving.base import (
    Answer,
    Invocation,
    InvocationTimeout,
    ServerGone,
    ServerPlan,
    ServerState,
    WorkerDied,
)
from sagesse.engines.serving.gateway import EndpointMissing, Gateway, Unavailable, VariantMissing
from sagesse.engines.serving.meter import InvocationMeter
from sagesse.engines.serving.routing import RoutingTable, Variant

KEY = ("123456789012", "eu-central-1", "e")
FINE = Answer(200, "text/plain", b"fine", 5)
RETRY = WorkerDied("died", may_retry=True)


class FakeEngine:
    """Servers are healthy while they are in `healthy`; `outcomes` are what `invoke` does, one after another."""

    def __init__(self, *outcomes: Answer | Exception, healthy: Sequence[str] = ("a-1", "b-1")) -> None:
        self.outcomes = list(outcomes)
        self.healthy = set(healthy)
        self.comes_back: set[str] = set()
        self.asked: list[str] = []

    def ensure(self, server_id: str, plan: ServerPlan) -> ServerState:
        raise NotImplementedError

    def look(self, server_id: str) -> ServerState:
        raise NotImplementedError

    def retire(self, server_id: str, *, drain: bool = True) -> bool:
        raise NotImplementedError

    def pick(self, server_ids: Sequence[str]) -> str | None:
        return next((server_id for server_id in server_ids if server_id in self.healthy), None)

    async def settle(self, server_ids: Sequence[str], timeout_s: float) -> bool:
        self.healthy |= self.comes_back
        return bool(self.healthy & set(server_ids))

    async def invoke(self, server_id: str, invocation: Invocation) -> Answer:
        self.asked.append(server_id)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def _gateway(engine: FakeEngine, *variants: Variant) -> tuple[Gateway, InvocationMeter]:
    routes, meter = RoutingTable(), InvocationMeter()
    routes.set(KEY, variants or (Variant("a", 1.0, ("a-1", "a-2")),))
    return Gateway(routes, engine, meter), meter


def _invoke(gateway: Gateway, target: str = "") -> tuple[str, bytes]:
    served = asyncio.run(gateway.invoke(KEY, Invocation(b"x"), target_variant=target))
    return served.variant, served.answer.body


def test_an_endpoint_answers_through_its_variant() -> None:
    gateway, _ = _gateway(FakeEngine(FINE))

    assert _invoke(gateway) == ("a", b"fine")


def test_an_endpoint_that_is_not_there_is_missing() -> None:
    with pytest.raises(EndpointMissing):
        _invoke(Gateway(RoutingTable(), FakeEngine(), InvocationMeter()))


def test_a_target_variant_is_asked_whatever_its_weight() -> None:
    engine = FakeEngine(FINE)
    gateway, _ = _gateway(engine, Variant("a", 1.0, ("a-1",)), Variant("b", 0.0, ("b-1",)))

    assert _invoke(gateway, "b") == ("b", b"fine")
    assert engine.asked == ["b-1"]


def test_a_target_variant_that_is_not_there_is_missing() -> None:
    gateway, _ = _gateway(FakeEngine(), Variant("a", 1.0, ()), Variant("b", 1.0, ()))

    with pytest.raises(VariantMissing, match="a, b"):
        _invoke(gateway, "c")


def test_a_request_waits_for_a_server_that_comes_back() -> None:
    engine = FakeEngine(FINE, healthy=())
    engine.comes_back = {"a-2"}
    gateway, _ = _gateway(engine)

    assert _invoke(gateway) == ("a", b"fine")


def test_an_endpoint_without_a_server_is_unavailable() -> None:
    gateway, _ = _gateway(FakeEngine(healthy=()))

    with pytest.raises(Unavailable):
        _invoke(gateway)


def test_a_server_that_died_is_asked_for_once_more() -> None:
    engine = FakeEngine(RETRY, FINE)
    gateway, _ = _gateway(engine)

    assert _invoke(gateway) == ("a", b"fine")
    assert engine.asked == ["a-1", "a-1"]


def test_a_request_is_not_sent_a_third_time() -> None:
    engine = FakeEngine(RETRY, RETRY, FINE)
    gateway, _ = _gateway(engine)

    with pytest.raises(WorkerDied):
        _invoke(gateway)
    assert engine.outcomes == [FINE]


@pytest.mark.parametrize("error", [WorkerDied("cut", may_retry=False), InvocationTimeout("late")])
def test_a_request_the_model_may_have_answered_is_not_sent_again(error: Exception) -> None:
    gateway, _ = _gateway(FakeEngine(error, FINE))

    with pytest.raises(type(error)):
        _invoke(gateway)


def test_a_server_that_left_meanwhile_is_replaced() -> None:
    gateway, _ = _gateway(FakeEngine(ServerGone("retiring"), ServerGone("retiring"), FINE))

    assert _invoke(gateway) == ("a", b"fine")


def test_each_invocation_is_counted_once() -> None:
    gateway, meter = _gateway(FakeEngine(RETRY, FINE, Answer(400, "", b"", 5)))
    _invoke(gateway)
    _invoke(gateway)

    data = meter.take()[Scope(KEY[0], KEY[1])]

    counted = {(datum.metric.name, datum.sum) for datum in data if datum.metric.name.startswith("Invocation")}
    assert {("Invocations", 2.0), ("Invocation4XXErrors", 1.0), ("Invocation5XXErrors", 0.0)} <= counted


def test_servers_that_are_always_gone_do_not_hold_the_loop() -> None:
    class AlwaysGone(FakeEngine):
        async def invoke(self, server_id: str, invocation: Invocation) -> Answer:
            raise ServerGone("gone")

    routes = RoutingTable()
    routes.set(KEY, [Variant("a", 1.0, ("a-1",))])

    with pytest.raises(Unavailable):
        _invoke(Gateway(routes, AlwaysGone(), InvocationMeter(), patience_s=0.01))
