"""What happens to every call, in this order:

    authenticate > authorize > validate > idempotency > CALL > project > audit > metrics > serialise

The wire does the first and the last step, which know HTTP; the list between them is `Pipeline.run`.
"""

import asyncio
import hashlib
import logging
import time
import weakref
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

import msgspec
import orjson

from sagesse.core.audit import AuditLog
from sagesse.core.authorize import Authorizer
from sagesse.core.call import Call, Context, Platform
from sagesse.core.clock import Clock
from sagesse.core.damage import DamageBook
from sagesse.core.error import ServiceError
from sagesse.core.fault import fault_of
from sagesse.core.meter import Meter
from sagesse.core.record import Record, Store, Token
from sagesse.core.service import Handler, Registry, Result

_TOKEN_LIFE_S = 24 * 3600
_THREADS = 16
T = TypeVar("T")
_log = logging.getLogger(__name__)


class Pipeline:
    """Runs calls. One instance a server; `run` is used on its event loop only."""

    def __init__(
        self,
        registry: Registry,
        *,
        platform: Platform,
        authorizer: Authorizer,
        audit: AuditLog,
        meter: Meter,
        damage: DamageBook | None = None,
    ) -> None:
        self._registry = registry
        self._platform = platform
        self._authorizer = authorizer
        self._audit = audit
        self._meter = meter
        self._damage = damage
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="call")
        self._inner_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="inner-call")
        self._token_locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def run(self, call: Call) -> Mapping[str, Any]:
        """Run one call of an authenticated principal.

        Raises:
            ServiceError: what the client is told.
        """
        started = time.perf_counter()
        error: ServiceError | None = None
        result: Mapping[str, Any] | None = None
        try:
            handler = self._registry.find(call.service, call.operation)
            self._authorize(call, handler)
            call.check()
            result = await self._once(call, handler)
            return result
        except ServiceError as failure:
            error = failure
            raise
        except Exception as failure:
            error = self._failed(call, failure)
            raise error from failure
        finally:
            self._audit.write(call, self._clock.now(), error=error, result=result)
            self._count(call, error, time.perf_counter() - started)

    def close(self) -> None:
        """Wait for handlers that run in threads."""
        self._pool.shutdown()
        self._inner_pool.shutdown()

    @property
    def _clock(self) -> Clock:
        return self._platform.clock

    @property
    def _store(self) -> Store:
        return self._platform.store

    def _authorize(self, call: Call, handler: Handler) -> None:
        if self._authorizer.is_unlimited(call.principal, call.service):
            return
        grants = handler.grants(call.operation, call.params, call.scope)
        self._authorizer.check(
            call, grants, lambda: {**_request_facts(call), **handler.facts(call.operation, call.params)}
        )

    async def _once(self, call: Call, handler: Handler) -> Mapping[str, Any]:
        """The idempotency step: a token that was used answers what it answered then."""
        member = handler.operation.token_member
        token = call.params.get(member) if member else None
        if member is None or not isinstance(token, str):
            return await self._call(call, handler)
        owner = f"{call.scope.account}/{call.region}/{call.service}/{call.operation}"
        lock = self._token_locks.setdefault(f"{owner}/{token}", asyncio.Lock())
        async with lock:
            return await self._replay_or_call(call, handler, owner=owner, member=member, token=token)

    async def _replay_or_call(
        self, call: Call, handler: Handler, *, owner: str, member: str, token: str
    ) -> Mapping[str, Any]:
        asked = {key: value for key, value in call.params.items() if key != member}
        digest = hashlib.sha256(msgspec.msgpack.encode(sorted(asked.items()), enc_hook=str)).digest()
        used = self._store.find_token(owner, token)
        if used is not None:
            if used.digest != digest:
                raise ServiceError(
                    "IdempotentParameterMismatchException",
                    f"{member} {token!r} was used before with other parameters.",
                )
            return orjson.loads(used.answer)
        result = await self._call(call, handler)
        answer = Token(digest, orjson.dumps(result))
        expires = self._clock.now() + _TOKEN_LIFE_S
        await self._in_thread(call, lambda: self._store.save_token(owner, token, answer, expires=expires))
        return result

    async def _call(self, call: Call, handler: Handler) -> Mapping[str, Any]:
        ctx = Context(
            scope=call.scope,
            principal=call.principal,
            request_id=call.request_id,
            platform=self._platform,
            source_ip=call.source_ip,
            host=call.host,
            is_secure=call.is_secure,
            is_form=call.is_form,
            service=call.service,
            via=call.via,
        )
        match handler.where:
            case "loop":
                result = handler.run(ctx, call.params)
            case "thread":
                result = await self._in_thread(call, lambda: handler.run(ctx, call.params))
            case "async":
                result = await cast("Awaitable[Result]", handler.run(ctx, call.params))
        return self._project(ctx, handler, cast("Result", result))

    def _project(self, ctx: Context, handler: Handler, result: Result) -> Mapping[str, Any]:
        """A record becomes the operation's output shape; anything else is the answer already."""
        if isinstance(result, Record):
            return self._registry.kind(result.kind).project(ctx, result, handler.operation.output_members)
        return result or {}

    async def _in_thread(self, call: Call, work: Callable[[], T]) -> T:
        """Run `work` in a thread; calls made by handlers have threads of their own, or they could wait for ever."""
        pool = self._inner_pool if call.is_internal else self._pool
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    def _failed(self, call: Call, failure: Exception) -> ServiceError:
        """What the client is told of a failure nobody expected, or of the disk's."""
        fault = fault_of(failure)
        if fault is None:
            return _internal(call, failure)
        _log.error("%s:%s: %s Request %s", call.service, call.operation, fault.text, call.request_id)
        if fault.kind == "damaged" and self._damage is not None:
            self._damage.note(fault.where or f"the database behind {call.service}", str(failure))
        return fault.error(call.service)

    def _count(self, call: Call, error: ServiceError | None, seconds: float) -> None:
        status = 200 if error is None else error.status or 400
        self._meter.count(call.service, call.operation, status=status, seconds=seconds)


def _request_facts(call: Call) -> dict[str, str]:
    """The global condition keys every call carries."""
    return {
        "aws:SourceIp": call.source_ip,
        "aws:SecureTransport": "true" if call.is_secure or call.is_internal else "false",
        "aws:RequestedRegion": call.region,
        "aws:PrincipalArn": call.principal.role_arn or call.principal.arn,
        "aws:PrincipalAccount": call.principal.account,
        "aws:username": call.principal.name if call.principal.kind == "user" else "",
        "aws:userid": call.principal.id,
        "aws:UserAgent": call.user_agent,
    }


def _internal(call: Call, failure: Exception) -> ServiceError:
    """Log what went wrong once; tell the client where to look, without a stack trace."""
    _log.error("%s:%s failed, request %s", call.service, call.operation, call.request_id, exc_info=failure)
    return ServiceError(
        "InternalFailure",
        f"Sagesse failed in {call.service}:{call.operation}; the server's log has request {call.request_id}.",
        status=500,
    )
