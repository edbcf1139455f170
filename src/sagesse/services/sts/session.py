"""Sessions: temporary credentials of a role, a user or root."""

import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.identifier import new_secret
from sagesse.core.kind import Kind
from sagesse.core.lifecycle import Lifecycle
from sagesse.core.policy import new_access_key_id
from sagesse.core.principal import Principal
from sagesse.core.record import Record
from sagesse.core.scope import Scope

# A session stays known this long after its end, so that its key is told "expired" and not "unknown".
GRACE_S = 24 * 3600
_TOKEN_LENGTH = 356

SESSION = Kind(
    service="sts",
    name="Session",
    key="AccessKeyId",
    arn_path="session/{name}",
    missing=lambda name, arn: ServiceError(
        "InvalidClientTokenId", "The security token included in the request is invalid.", status=403
    ),
    duplicate=lambda record: ServiceError(
        "ServiceFailure", f"The access key {record.name} exists.", status=500
    ),
    lifecycle=Lifecycle("Active", {"Active": frozenset({"Expired"})}),
    is_global=True,
    is_arn_lower=False,
)


def begin_session(
    ctx: Context, principal: Principal, duration_s: int, *, token_size: int = 0
) -> Mapping[str, Any]:
    """Make credentials for `principal` that last `duration_s`; answers the Credentials shape."""
    expires = int(ctx.now()) + duration_s
    token = secrets.token_urlsafe(max(_TOKEN_LENGTH, token_size))[: max(_TOKEN_LENGTH, token_size)]
    owner = msgspec.structs.replace(ctx, scope=Scope(principal.account, ctx.region))
    record = SESSION.create(
        owner,
        {"AccessKeyId": new_access_key_id("ASIA", principal.account)},
        state={
            "secret": new_secret(),
            "token": token,
            "expires": float(expires),
            "principal": msgspec.to_builtins(principal),
        },
    )
    return {
        "AccessKeyId": record.name,
        "SecretAccessKey": record.state["secret"],
        "SessionToken": token,
        "Expiration": float(expires),
    }


def sweep(ctx: Context, record: Record) -> float | None:
    """Remove a session that ended a while ago; seconds until then otherwise."""
    left_s = record.state["expires"] + GRACE_S - ctx.now()
    if left_s > 0:
        return left_s
    ctx.store.delete(record.key)
    return None
