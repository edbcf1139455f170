"""What the resource families of KMS share: finding a key, permissions, states, pages."""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, validation_error
from sagesse.core.kind import Kind
from sagesse.core.page import read_token, write_token
from sagesse.core.policy.facts import RawFacts
from sagesse.core.record import Listing, Record
from sagesse.core.scope import Scope
from sagesse.core.service import Grant, Params, Result, Service
from sagesse.engines.vault import Vault
from sagesse.services.kms._access import KeyAccess
from sagesse.services.kms._managed import managed_alias
from sagesse.services.kms.error import disabled, dry_run, no_alias, pending_deletion
from sagesse.services.kms.kind import (
    DISABLED,
    PENDING,
    alias_arn,
    alias_name,
    find_alias,
    find_key,
    is_alias,
    target_of,
)

_WITHOUT_KEY = frozenset({"CreateKey", "ListKeys", "ListAliases", "GenerateRandom", "ListRetirableGrants"})
T = TypeVar("T")


class Family(Service):
    """Base of the families.

    Args:
        vault: wraps the material of keys.
        access: judges who may use a key.
    """

    service = "kms"

    def __init__(self, vault: Vault, access: KeyAccess) -> None:
        self._vault = vault
        self._access = access

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        """Key policies come first, so what is about a key is judged once the key is known."""
        return (Grant(f"kms:{operation}", "*"),) if operation in _WITHOUT_KEY else ()

    def _key(
        self,
        ctx: Context,
        text: str,
        action: str,
        *,
        takes_alias: bool = False,
        context: Mapping[str, str] | None = None,
        said: RawFacts | None = None,
    ) -> Record:
        """The key a call names, if the caller may do `action` with it.

        Raises:
            ServiceError: NotFoundException, AccessDeniedException.
        """
        is_named = takes_alias and is_alias(text)
        record = self._named(ctx, text) if is_named else find_key(ctx, text)
        if is_named:
            said = {**(said or {}), "kms:RequestAlias": alias_name(text)}
        self._access.require(ctx, record, action, context=context, said=said)
        return record

    def _named(self, ctx: Context, text: str) -> Record:
        """The key behind an alias; AWS's own are made when they are first asked for."""
        alias = find_alias(ctx, text)
        target = target_of(ctx, alias) if alias is not None else None
        if target is None:
            alias = managed_alias(ctx, self._vault, text)
            target = target_of(ctx, alias) if alias is not None else None
        if target is None:
            raise no_alias(alias_arn(ctx, text))
        return target


def require_usable(key: Record) -> None:
    """Refuse what needs an enabled key.

    Raises:
        ServiceError: DisabledException, KMSInvalidStateException.
    """
    require_alive(key)
    if key.status == DISABLED:
        raise disabled(key.arn)


def require_alive(key: Record) -> None:
    """Refuse what a key that waits for its deletion does not do.

    Raises:
        ServiceError: KMSInvalidStateException.
    """
    if key.status == PENDING:
        raise pending_deletion(key.arn)


def end_dry_run(req: Params) -> None:
    """Stop here when the caller only asked whether it would be allowed."""
    if req.get("DryRun"):
        raise dry_run()


def refuse_recipient(req: Params) -> None:
    """Answers for Nitro enclaves need one."""
    if "Recipient" in req:
        raise validation_error("Sagesse does not support Recipient: there are no Nitro enclaves here.")


def record_page(
    ctx: Context, kind: Kind, req: Params, member: str, show: Callable[[Record], dict[str, Any]]
) -> Result:
    """A page of every record of a kind, by name."""
    limit = int(req.get("Limit", kind.page_size))
    after = None
    if "Marker" in req:
        try:
            after = read_token(str(req["Marker"]), "name")
        except ServiceError:
            raise _bad_marker() from None
    listing = Listing(sort="name", limit=limit + 1, after=after)
    records = ctx.store.list(kind.id, ctx.scope, listing)
    result: dict[str, Any] = {
        member: [show(record) for record in records[:limit]],
        "Truncated": len(records) > limit,
    }
    if len(records) > limit:
        result["NextMarker"] = write_token(listing.position(records[limit - 1]), "name")
    return result


def item_page(items: Sequence[T], req: Params, member: str, *, limit: int = 50) -> dict[str, Any]:
    """A page of a short list, by position."""
    limit = int(req.get("Limit", limit))
    start = 0
    if "Marker" in req:
        try:
            start = int(base64.urlsafe_b64decode(str(req["Marker"]).encode()))
        except ValueError:
            raise _bad_marker() from None
    result: dict[str, Any] = {member: items[start : start + limit], "Truncated": len(items) > start + limit}
    if result["Truncated"]:
        result["NextMarker"] = base64.urlsafe_b64encode(str(start + limit).encode()).decode()
    return result


def _bad_marker() -> ServiceError:
    return ServiceError("InvalidMarkerException", "The marker is not one of this operation.")
