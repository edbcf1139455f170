"""Aliases: names for keys that may change what they stand for."""

import re
from collections.abc import Iterable
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.record import Listing, Record
from sagesse.core.scope import Scope
from sagesse.core.service import Grant, Params, Result
from sagesse.services.kms._family import Family, item_page, record_page, require_alive
from sagesse.services.kms._managed import is_managed_alias
from sagesse.services.kms.kind import ALIAS, KEY, find_key

_NAME = re.compile(r"alias/[a-zA-Z0-9/_-]+")
_MANY = 1_000_000


class Aliases(Family):
    """Permissions are needed on the alias, by the caller's own policies, and on the keys."""

    kinds = (ALIAS,)

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        if operation == "ListAliases":
            return super()._grants(operation, params, scope)
        return (Grant(f"kms:{operation}", ALIAS.arn(scope, str(params.get("AliasName", "")))),)

    def create_alias(self, ctx: Context, req: Params) -> Result:
        """A name for a key of this account."""
        name = _checked(req)
        key = self._key(ctx, str(req["TargetKeyId"]), "CreateAlias")
        require_alive(key)
        ALIAS.create(ctx, {"AliasName": name, "TargetKeyId": key.name})
        return None

    def update_alias(self, ctx: Context, req: Params) -> Result:
        """Let the name stand for another key."""
        alias = ALIAS.get(ctx, _checked(req))
        key = self._key(ctx, str(req["TargetKeyId"]), "UpdateAlias")
        require_alive(key)
        old = KEY.find(ctx, alias.request["TargetKeyId"])
        if old is not None:
            self._access.require(ctx, old, "UpdateAlias")
        ALIAS.amend(ctx, alias, request={"TargetKeyId": key.name})
        return None

    def delete_alias(self, ctx: Context, req: Params) -> Result:
        """Forget the name; the key stays."""
        alias = ALIAS.get(ctx, _checked(req))
        key = KEY.find(ctx, alias.request["TargetKeyId"])
        if key is not None:
            self._access.require(ctx, key, "DeleteAlias")
        ALIAS.remove(ctx, alias.name)
        return None

    def list_aliases(self, ctx: Context, req: Params) -> Result:
        """Every alias of account and region, or those of one key."""
        if "KeyId" not in req:
            return record_page(ctx, ALIAS, req, "Aliases", _shown)
        key = find_key(ctx, str(req["KeyId"]))
        found = ctx.store.list(ALIAS.id, ctx.scope, Listing(sort="name", limit=_MANY))
        own = [_shown(alias) for alias in found if alias.request["TargetKeyId"] == key.name]
        return item_page(own, req, "Aliases")


def _shown(alias: Record) -> dict[str, Any]:
    return {
        "AliasName": alias.name,
        "AliasArn": alias.arn,
        "TargetKeyId": alias.request["TargetKeyId"],
        "CreationDate": alias.created,
        "LastUpdatedDate": alias.modified,
    }


def _checked(req: Params) -> str:
    """The name of an alias that the caller may have.

    Raises:
        ServiceError: it is reserved, or none; each operation says it with a code of its own.
    """
    name = str(req["AliasName"])
    if is_managed_alias(name):
        raise ServiceError(
            "NotAuthorizedException", "Aliases that begin with alias/aws/ are reserved for AWS."
        )
    if not _NAME.fullmatch(name):
        raise ServiceError(
            "InvalidAliasNameException", 'Alias must start with the prefix "alias/" and a name.'
        )
    return name
