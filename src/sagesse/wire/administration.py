"""Who may use the endpoints of ours that tell of everybody's resources: whoever knows the root key's secret.

They take no signature, so that a browser's or a script's one line reaches them: ``Authorization: Bearer <secret>``.
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import orjson

from sagesse.wire.message import WireReply, WireRequest

Endpoint: TypeAlias = Callable[[WireRequest], Awaitable[WireReply]]

_REFUSAL = orjson.dumps(
    {"message": "only for the administrator: send Authorization: Bearer <secret access key of the root user>"}
)


def for_administrator(endpoint: Endpoint, secret: Callable[[], str]) -> Endpoint:
    """The endpoint, for those who send the secret; others are told 403."""

    async def guarded(request: WireRequest) -> WireReply:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        known = scheme.lower() == "bearer" and hmac.compare_digest(
            given.encode("utf-8", "replace"), secret().encode()
        )
        if not known:
            return WireReply(403, [("Content-Type", "application/json")], _REFUSAL)
        return await endpoint(request)

    return guarded
