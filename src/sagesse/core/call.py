"""One call of one operation, and what a handler knows while it runs."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from sagesse.core.clock import Clock
from sagesse.core.principal import Principal
from sagesse.core.record import Key, Record, Store
from sagesse.core.scope import Scope


def _nothing() -> None:
    """A call from inside the process has nothing to validate."""


class Call(msgspec.Struct, kw_only=True):
    """A call on its way through the pipeline.

    `check` raises the constraint errors of the request; the wire sets it, calls from inside leave it.
    """

    service: str
    operation: str
    region: str
    principal: Principal
    params: dict[str, Any]
    request_id: str
    account: str = ""  # whose resources; the principal's own when empty
    check: Callable[[], None] = _nothing
    source_ip: str = "127.0.0.1"
    user_agent: str = "sagesse"
    host: str = ""
    is_secure: bool = False
    is_internal: bool = False
    is_form: bool = False  # a browser's form, which becomes a PutObject
    via: str = ""  # the service that makes this call for the principal; empty for the principal's own

    @property
    def scope(self) -> Scope:
        """The account and region the call is about."""
        return Scope(self.account or self.principal.account, self.region)


class Platform(Protocol):
    """What a context reaches: the store, the clock, other services, the reconciler."""

    @property
    def store(self) -> Store:
        """The records."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    def call(self, call: Call) -> Mapping[str, Any]:
        """Run another call and wait. Not for the event loop's thread."""
        ...

    async def acall(self, call: Call) -> Mapping[str, Any]:
        """Run another call."""
        ...

    def wake(self, key: Key, *, after_s: float = 0) -> None:
        """Have the reconciler advance a record."""
        ...


class Context(msgspec.Struct, kw_only=True, frozen=True):
    """What a handler or `advance` knows: for whom it works, where, and the platform around it."""

    scope: Scope
    principal: Principal
    request_id: str
    platform: Platform
    source_ip: str = "127.0.0.1"
    host: str = ""
    is_secure: bool = False
    is_form: bool = False
    service: str = ""  # whose handler runs
    via: str = ""  # the service that called it for the principal

    @property
    def store(self) -> Store:
        """The records."""
        return self.platform.store

    @property
    def account(self) -> str:
        """The account whose resources are meant."""
        return self.scope.account

    @property
    def region(self) -> str:
        """The region of the call."""
        return self.scope.region

    def now(self) -> float:
        """Epoch seconds, UTC, in whole milliseconds as the wire shows them."""
        return int(self.platform.clock.now() * 1000) / 1000

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this scope."""
        return self.scope.arn(service, resource)

    def call(self, service: str, operation: str, params: dict[str, Any]) -> Mapping[str, Any]:
        """Call another service as this context's principal: its permissions and the audit apply.

        Blocks; for threads other than the event loop's.

        Raises:
            ServiceError: what the other service answered.
        """
        return self.platform.call(self._inner(service, operation, params))

    async def acall(self, service: str, operation: str, params: dict[str, Any]) -> Mapping[str, Any]:
        """As `call`, awaited on the event loop."""
        return await self.platform.acall(self._inner(service, operation, params))

    def acting_as(self, principal: Principal) -> "Context":
        """This context with another principal, e.g. the session of a job's execution role."""
        return msgspec.structs.replace(self, principal=principal)

    def wake(self, record: Record, *, after_s: float = 0) -> None:
        """Have the reconciler advance `record`."""
        self.platform.wake(record.key, after_s=after_s)

    def _inner(self, service: str, operation: str, params: dict[str, Any]) -> Call:
        return Call(
            service=service,
            operation=operation,
            region=self.region,
            account=self.account,
            principal=self.principal,
            params=params,
            request_id=self.request_id,
            is_internal=True,
            via=self.service,
        )
