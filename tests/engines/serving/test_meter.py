"""Invocation metrics: what is counted and how it is reported."""

import asyncio
from collections.abc import Iterable

import pytest

from sagesse.core.scope import Scope
from sagesse.engines.metrics.base import Datum
from sagesse.engines.serving.meter import InvocationMeter

SCOPE = Scope("123456789012", "eu-central-1")
KEY = (*SCOPE, "e")


def _totals(data: Iterable[Datum]) -> dict[str, tuple[float, float]]:
    totals: dict[str, tuple[float, float]] = {}
    for datum in data:
        samples, total = totals.get(datum.metric.name, (0, 0))
        totals[datum.metric.name] = (samples + datum.samples, total + datum.sum)
    return totals


def test_invocations_errors_and_latencies_are_counted() -> None:
    meter = InvocationMeter(lambda: 90.0)
    meter.record(KEY, "v", status=200, model_us=1000, total_us=1500)
    meter.record(KEY, "v", status=400, model_us=3000, total_us=3100)
    meter.record(KEY, "v", status=500, model_us=None, total_us=9)

    data = meter.take()[SCOPE]

    assert _totals(data) == {
        "Invocations": (3, 3),
        "Invocation4XXErrors": (3, 1),
        "Invocation5XXErrors": (3, 1),
        "ModelLatency": (2, pytest.approx(4000)),
        "OverheadLatency": (2, pytest.approx(600)),
    }
    assert {datum.timestamp for datum in data} == {60.0}
    assert {datum.metric.dimensions for datum in data} == {(("EndpointName", "e"), ("VariantName", "v"))}


def test_taking_starts_anew() -> None:
    meter = InvocationMeter()
    meter.record(KEY, "v", status=200, model_us=1, total_us=2)
    meter.take()

    assert meter.take() == {}


def test_many_latencies_cost_few_rows_and_keep_their_sum() -> None:
    meter = InvocationMeter()
    for latency in range(1000, 11_000):
        meter.record(KEY, "v", status=200, model_us=latency, total_us=latency)

    data = [datum for datum in meter.take()[SCOPE] if datum.metric.name == "ModelLatency"]

    assert len(data) < 45
    assert sum(datum.sum for datum in data) == pytest.approx(sum(range(1000, 11_000)))


def test_what_is_left_is_put_at_the_end() -> None:
    put: list[Datum] = []

    class Store:
        def put(self, scope: Scope, data: Iterable[Datum], *, source: str = "") -> int:
            put.extend(data)
            return 0

    async def run() -> None:
        meter = InvocationMeter()
        meter.record(KEY, "v", status=200, model_us=1, total_us=2)
        task = asyncio.ensure_future(meter.run(Store()))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert _totals(put)["Invocations"] == (1, 1)
