"""The operations of CloudWatch on a store in a temporary folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sagesse.core.call import Context
from sagesse.core.principal import Principal
from sagesse.core.scope import Scope
from sagesse.core.service import Registry
from sagesse.engines.metrics.sqlite import SqliteMetricStore
from sagesse.services.cloudwatch import Metrics
from sagesse.testing.clock import HandClock

ACCOUNT = "123456789012"
Op = Callable[..., Any]


@pytest.fixture
def clock() -> HandClock:
    return HandClock(1_700_000_040.0)  # a whole minute


@pytest.fixture
def op(tmp_path: Path, clock: HandClock) -> Iterator[Op]:
    """`op("PutMetricData", Namespace=..., ...)` runs an operation."""
    store = SqliteMetricStore(tmp_path / "metrics.db", clock=clock, durable=False)
    registry = Registry([Metrics(store)])
    ctx = Context(
        scope=Scope(ACCOUNT, "eu-central-1"),
        principal=Principal.root(ACCOUNT),
        request_id="r",
        platform=SimpleNamespace(clock=clock),  # type: ignore[arg-type]
    )

    def run(operation: str, **params: Any) -> Any:
        return registry.find("cloudwatch", operation).run(ctx, params)

    yield run
    store.close()
