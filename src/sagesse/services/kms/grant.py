"""Grants: a principal may use a key for some operations, until the grant is retired or revoked."""

import secrets
from typing import Any, cast

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, access_denied, validation_error
from sagesse.core.record import Listing, Record
from sagesse.core.scope import parse_arn
from sagesse.core.service import Params, Result
from sagesse.services.kms._access import names_principal
from sagesse.services.kms._family import Family, end_dry_run, item_page, require_usable
from sagesse.services.kms.error import limit_exceeded
from sagesse.services.kms.kind import KEY, find_key

_OPERATIONS = frozenset(
    {"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom"}
    | {"ReEncryptTo", "CreateGrant", "RetireGrant", "DescribeKey"}
)
_LIMIT = 1000
_MANY = 1_000_000
_SHOWN = (
    *("KeyId", "GrantId", "Name", "CreationDate", "GranteePrincipal", "RetiringPrincipal"),
    *("IssuingAccount", "Operations", "Constraints"),
)


class Grants(Family):
    """Kept with their key; they hold at once, so grant tokens are never needed."""

    def create_grant(self, ctx: Context, req: Params) -> Result:
        """Grant some operations; asked again with the same name and terms, it is the same grant."""
        key = find_key(ctx, str(req["KeyId"]))
        self._access.require(ctx, key, "CreateGrant", operations=req["Operations"], said=_said(ctx, req))
        _check(req)
        require_usable(key)
        end_dry_run(req)
        terms = {
            name: req[name]
            for name in ("GranteePrincipal", "RetiringPrincipal", "Operations", "Constraints", "Name")
            if name in req
        }
        grant: dict[str, Any] = {
            **terms,
            "GrantId": secrets.token_hex(32),
            "Token": secrets.token_urlsafe(96),
            "CreationDate": ctx.now(),
            "IssuingAccount": f"arn:aws:iam::{ctx.principal.account}:root",
            "KeyId": key.arn,
        }

        def add(current: Record) -> Record | None:
            nonlocal grant
            grants = cast("dict[str, dict[str, Any]]", current.state["grants"])
            for known in grants.values():
                if "Name" in terms and all(
                    known.get(name) == terms.get(name) for name in {*_SHOWN[4:6], *terms}
                ):
                    grant = known
                    return None
            if len(grants) >= _LIMIT:
                raise limit_exceeded(f"A key has at most {_LIMIT} grants.")
            grants[grant["GrantId"]] = grant
            return current

        ctx.store.update(key.key, add)
        return {"GrantToken": grant["Token"], "GrantId": grant["GrantId"]}

    def list_grants(self, ctx: Context, req: Params) -> Result:
        """A key's grants."""
        key = self._key(ctx, str(req["KeyId"]), "ListGrants")
        wanted = {name: req[name] for name in ("GrantId", "GranteePrincipal") if name in req}
        found = [_shown(grant) for grant in _grants_of(key) if wanted.items() <= grant.items()]
        return item_page(found, req, "Grants")

    def list_retirable_grants(self, ctx: Context, req: Params) -> Result:
        """Grants of this account's keys that a principal may retire."""
        keys = ctx.store.list(KEY.id, ctx.scope, Listing(sort="name", limit=_MANY))
        who = req.get("RetiringPrincipal")
        found = [
            _shown(grant)
            for key in keys
            for grant in _grants_of(key)
            if who is not None and grant.get("RetiringPrincipal") == who
        ]
        return item_page(found, req, "Grants")

    def revoke_grant(self, ctx: Context, req: Params) -> Result:
        """End a grant, as one who administers the key."""
        key = self._key(ctx, str(req["KeyId"]), "RevokeGrant")
        grant = _find(key, str(req["GrantId"]))
        end_dry_run(req)
        _remove(ctx, key, grant["GrantId"])
        return None

    def retire_grant(self, ctx: Context, req: Params) -> Result:
        """End a grant, as one whom it names for that, or as its account."""
        key, grant = self._retirable(ctx, req)
        principal = ctx.principal
        may = (
            names_principal(grant.get("RetiringPrincipal"), principal)
            or (
                "RetireGrant" in grant["Operations"] and names_principal(grant["GranteePrincipal"], principal)
            )
            or (principal.kind == "root" and principal.account == key.account)
        )
        if not may:
            error = access_denied(principal.arn, "kms:RetireGrant", key.arn)
            raise ServiceError(error.code, error.message, status=400)
        end_dry_run(req)
        _remove(ctx, key, grant["GrantId"])
        return None

    def _retirable(self, ctx: Context, req: Params) -> tuple[Record, dict[str, Any]]:
        """The grant a request names, by token or by key and id."""
        if "GrantToken" not in req:
            if "KeyId" not in req or "GrantId" not in req:
                raise validation_error("Give either GrantToken, or KeyId and GrantId.")
            key = find_key(ctx, str(req["KeyId"]))
            return key, _find(key, str(req["GrantId"]))
        for key in ctx.store.list(KEY.id, ctx.scope, Listing(sort="name", limit=_MANY)):
            for grant in _grants_of(key):
                if secrets.compare_digest(str(grant["Token"]), str(req["GrantToken"])):
                    return key, grant
        raise ServiceError("InvalidGrantTokenException", "The grant token is not one of a grant that exists.")


def _said(ctx: Context, req: Params) -> dict[str, str]:
    """What the request for a grant says, by condition key."""
    said = {
        f"kms:{name}": str(req[name]) for name in ("GranteePrincipal", "RetiringPrincipal") if name in req
    }
    if kinds := list(req.get("Constraints") or {}):
        said["kms:GrantConstraintType"] = str(kinds[0])
    return {**said, "kms:GrantIsForAWSResource": "true" if ctx.via else "false"}


def _grants_of(key: Record) -> list[dict[str, Any]]:
    return list(cast("dict[str, dict[str, Any]]", key.state["grants"]).values())


def _shown(grant: dict[str, Any]) -> dict[str, Any]:
    return {name: grant[name] for name in _SHOWN if name in grant}


def _find(key: Record, grant_id: str) -> dict[str, Any]:
    grant = key.state["grants"].get(grant_id)
    if grant is None:
        raise ServiceError("NotFoundException", f"Grant ID {grant_id} not found")
    return grant


def _remove(ctx: Context, key: Record, grant_id: str) -> None:
    def change(current: Record) -> Record:
        current.state["grants"].pop(grant_id, None)
        return current

    ctx.store.update(key.key, change)


def _check(req: Params) -> None:
    """What a grant may say here."""
    for name in ("GranteeServicePrincipal", "RetiringServicePrincipal"):
        if name in req:
            raise validation_error(f"Sagesse does not support {name}: its services act as their callers.")
    for name in ("GranteePrincipal", "RetiringPrincipal"):
        arn = parse_arn(str(req[name])) if name in req else None
        if name in req and (arn is None or arn.service not in {"iam", "sts"}):
            raise ServiceError(
                "InvalidArnException", f"ARN {req[name]} is not valid: a user, a role or a session"
            )
    if "GranteePrincipal" not in req:
        raise validation_error("GranteePrincipal is required.")
    if unknown := set(req["Operations"]) - _OPERATIONS:
        names = ", ".join(sorted(unknown))
        raise validation_error(f"Grants of a symmetric encryption key cannot have the operations {names}")
