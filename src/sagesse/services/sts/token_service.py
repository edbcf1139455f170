"""The operations of STS."""

from collections.abc import Iterable
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.policy import Identities, IdentityAuthorizer, account_of
from sagesse.core.record import Record
from sagesse.core.scope import Scope
from sagesse.core.service import Grant, Params, Result, Service, inline
from sagesse.services.sts.assume import RoleAssumption, refuse_unsupported
from sagesse.services.sts.error import denied, validation_failed
from sagesse.services.sts.session import SESSION, begin_session, sweep

# GetCallerIdentity and GetSessionToken are for everybody; AssumeRole asks the role's trust policy as well.
_UNGUARDED = frozenset({"GetCallerIdentity", "GetSessionToken", "AssumeRole"})
_ROOT_SESSION_S = 3600
_USER_SESSION_S = 43_200


class TokenService(Service):
    """STS."""

    service = "sts"
    kinds = (SESSION,)

    def __init__(self, identities: Identities, authorizer: IdentityAuthorizer) -> None:
        self._identities = identities
        self._authorizer = authorizer

    @inline
    def get_caller_identity(self, ctx: Context, req: Params) -> Result:
        """Who signed the request."""
        principal = _signed(ctx)
        return {"UserId": principal.id, "Account": principal.account, "Arn": principal.arn}

    def assume_role(self, ctx: Context, req: Params) -> Result:
        """Credentials of a session of a role that trusts the caller."""
        _signed(ctx)
        return RoleAssumption(ctx, req, self._identities, self._authorizer).begin()

    def get_session_token(self, ctx: Context, req: Params) -> Result:
        """Temporary credentials with the caller's own rights."""
        principal = _signed(ctx)
        refuse_unsupported(req, "SerialNumber", "TokenCode")
        if principal.kind not in ("root", "user"):
            raise denied("Cannot call GetSessionToken with session credentials")
        is_root = principal.kind == "root"
        duration_s = int(req.get("DurationSeconds", _USER_SESSION_S))
        if is_root:
            duration_s = min(duration_s, _ROOT_SESSION_S)
        size = int(req.get("MinimumSessionTokenSize", 0))
        return {"Credentials": begin_session(ctx, principal, duration_s, token_size=size)}

    @inline
    def get_access_key_info(self, ctx: Context, req: Params) -> Result:
        """The account an access key belongs to; the key need not exist."""
        account = account_of(str(req["AccessKeyId"]))
        if account is None:
            raise validation_failed("Invalid type of access key")
        return {"Account": account}

    def advance(self, ctx: Context, record: Record) -> float | None:
        """Sessions end by themselves."""
        return sweep(ctx, record)

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        return () if operation in _UNGUARDED else (Grant(f"sts:{operation}", "*"),)


def _signed(ctx: Context) -> Any:
    if ctx.principal.kind == "anonymous":
        raise ServiceError(
            "MissingAuthenticationToken", "Request is missing Authentication Token", status=403
        )
    return ctx.principal
