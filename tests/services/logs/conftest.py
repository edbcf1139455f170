"""The operations of CloudWatch Logs on a store in a temporary folder."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sagesse.core.call import Context
from sagesse.core.principal import Principal
from sagesse.core.scope import Scope
from sagesse.core.service import Registry
from sagesse.engines.streams.log_sqlite import SqliteLogStore
from sagesse.services.logs import Events, Groups, Streams
from sagesse.testing.clock import HandClock

ACCOUNT = "123456789012"
Op = Callable[..., Any]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def now(clock: HandClock) -> int:
    return int(clock.now() * 1000)


@pytest.fixture
def op(tmp_path: Path, clock: HandClock) -> Iterator[Op]:
    """`op("PutLogEvents", logGroupName=..., ...)` runs an operation."""
    store = SqliteLogStore(tmp_path / "logs.db", clock=clock, durable=False)
    registry = Registry([Groups(store), Streams(store), Events(store)])
    ctx = Context(
        scope=Scope(ACCOUNT, "eu-central-1"),
        principal=Principal.root(ACCOUNT),
        request_id="r",
        platform=SimpleNamespace(clock=clock),  # type: ignore[arg-type]
    )

    def run(operation: str, **params: Any) -> Any:
        return registry.find("logs", operation).run(ctx, params)

    yield run
    store.close()


@pytest.fixture
def stream(op: Op) -> dict[str, str]:
    """The names of a stream that exists."""
    names = {"logGroupName": "/g", "logStreamName": "s"}
    op("CreateLogGroup", logGroupName="/g")
    op("CreateLogStream", **names)
    return names
