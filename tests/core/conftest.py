"""A platform without a wire: the store on disk, a clock turned by hand, a few operations."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sagesse.core.audit import AuditLog
from sagesse.core.authorize import Authorizer
from sagesse.core.call import Call
from sagesse.core.damage import DamageBook
from sagesse.core.meter import Meter
from sagesse.core.pipeline import Pipeline
from sagesse.core.principal import Principal
from sagesse.core.record import Key
from sagesse.core.service import Registry, Service
from sagesse.core.store_sqlite import SqliteStore
from sagesse.testing.clock import HandClock

ACCOUNT = "123456789012"


class AllowAll:
    def is_unlimited(self, principal: Principal, service: str) -> bool:
        return True

    def check(self, call: Call, grants: object, facts: object) -> None:
        raise AssertionError("not asked of those whom no policy limits")


class FakePlatform:
    def __init__(self, folder: Path, services: list[Service], authorizer: Authorizer | None = None) -> None:
        self.store = SqliteStore(folder / "records.db")
        self.clock = HandClock()
        self.audit = AuditLog(folder / "audit")
        self.meter = Meter()
        self.damage = DamageBook(folder / "damage.json")
        self.woken: list[Key] = []
        self.audit_folder = folder / "audit"
        self.pipeline = Pipeline(
            Registry(services),
            platform=self,
            authorizer=authorizer or AllowAll(),
            audit=self.audit,
            meter=self.meter,
            damage=self.damage,
        )

    def call(self, call: Call) -> Mapping[str, Any]:
        return asyncio.run(self.pipeline.run(call))

    async def acall(self, call: Call) -> Mapping[str, Any]:
        return await self.pipeline.run(call)

    def wake(self, key: Key, *, after_s: float = 0) -> None:
        self.woken.append(key)

    def ask(self, operation: str, service: str = "sagemaker", **params: Any) -> Mapping[str, Any]:
        return self.call(
            Call(
                service=service,
                operation=operation,
                region="eu-central-1",
                principal=Principal.root(ACCOUNT),
                params=params,
                request_id="r-1",
            )
        )

    def close(self) -> None:
        self.pipeline.close()
        self.store.close()
        self.audit.close()


@pytest.fixture
def platform_of(tmp_path: Path) -> Iterator[Callable[..., FakePlatform]]:
    made: list[FakePlatform] = []

    def make(*services: Service, authorizer: Authorizer | None = None) -> FakePlatform:
        made.append(FakePlatform(tmp_path, list(services), authorizer))
        return made[-1]

    yield make
    for platform in made:
        platform.close()
