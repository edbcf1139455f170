"""SelectObjectContent: SQL over one object. What runs is DuckDB, in `engines.select`."""

import asyncio
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.policy import IdentityAuthorizer
from sagesse.core.service import Params, Result
from sagesse.engines.objects import ObjectStore
from sagesse.engines.select.base import Query
from sagesse.services.s3._family import Family
from sagesse.services.s3._select_events import Running, SelectEvents
from sagesse.services.s3._select_request import query_of
from sagesse.services.s3._select_source import SelectSource
from sagesse.services.s3.encryption import Encryption, check_customer_key

_AT_ONCE = 4


class Selections(Family):
    """Selections."""

    def __init__(self, objects: ObjectStore, encryption: Encryption, authorizer: IdentityAuthorizer) -> None:
        super().__init__(objects, encryption, authorizer)
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def select_object_content(self, ctx: Context, req: Params) -> Result:
        """The records an expression selects, as they are found."""
        address = self._place(req).address
        try:
            found = await self._objects.get(address)
        except ServiceError as error:
            raise self._may_know(ctx, address.bucket, error) from None
        seal = found.info.attributes.seal
        check_customer_key(req, seal)
        query = query_of(req, found.info.size_bytes)
        _need_engine()
        key = None if seal is None else await self._encryption.key_of(ctx, req, seal)
        progress: Mapping[str, Any] = req.get("RequestProgress") or {}
        events = SelectEvents(
            _selection(query, SelectSource(found, key, asyncio.get_running_loop())),
            self._slots,
            delimiter=query.output.record_delimiter.encode(),
            has_progress=bool(progress.get("Enabled")),
        )
        return {"Payload": await events.start()}


def _need_engine() -> None:
    if find_spec("duckdb") is None:
        raise ServiceError(
            "NotImplemented", "SelectObjectContent needs duckdb: pip install 'sagesse[sql]'", status=501
        )


def _selection(query: Query, source: SelectSource) -> Callable[[], Running]:
    """What begins the selection, in the thread that then goes on with it."""

    def begin() -> Running:
        from sagesse.engines.select.selection import Selection  # noqa: PLC0415 - loads DuckDB

        return Selection(query, source)

    return begin
