"""Keys: made, described, switched on and off, deleted after a waiting time, tagged."""

from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, validation_error
from sagesse.core.record import Listing, Record
from sagesse.core.service import Params, Result
from sagesse.core.tag import add_tags, remove_tags
from sagesse.services.kms._family import Family, item_page, record_page, require_alive
from sagesse.services.kms._managed import create_key
from sagesse.services.kms.error import limit_exceeded, not_pending_deletion, pending_deletion, unsupported
from sagesse.services.kms.kind import ALIAS, DISABLED, ENABLED, KEY, PENDING, default_policy, metadata
from sagesse.services.kms.policy import check_policy, locked_out

_DAY_S = 86_400.0
_ONLY = {
    "KeyUsage": "ENCRYPT_DECRYPT",
    "KeySpec": "SYMMETRIC_DEFAULT",
    "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
    "Origin": "AWS_KMS",
    "MultiRegion": False,
}
_NEVER = ("CustomKeyStoreId", "XksKeyId")


class Keys(Family):
    """The keys themselves."""

    kinds = (KEY,)

    def create_key(self, ctx: Context, req: Params) -> Result:
        """A symmetric key whose material never leaves the server."""
        for member, value in req.items():
            if member in _NEVER or (member in _ONLY and value != _ONLY[member]):
                raise unsupported(
                    f"Sagesse has symmetric encryption keys only: {member} {value!r} is not supported."
                )
        tags = _tags(req.get("Tags", []))
        request = {"Description": req.get("Description", ""), "Tags": tags}
        policy = str(req.get("Policy", "")) or default_policy(ctx.scope)
        check_policy(policy)
        record = create_key(ctx, self._vault, request, policy=policy)
        if not req.get("BypassPolicyLockoutSafetyCheck") and not self._access.would_allow(
            ctx, record, policy, "PutKeyPolicy"
        ):
            KEY.remove(ctx, record.name)
            raise locked_out()
        return {"KeyMetadata": metadata(record)}

    def describe_key(self, ctx: Context, req: Params) -> Result:
        """What is known of a key, by id, ARN or alias."""
        return {"KeyMetadata": metadata(self._key(ctx, str(req["KeyId"]), "DescribeKey", takes_alias=True))}

    def list_keys(self, ctx: Context, req: Params) -> Result:
        """Every key of account and region."""
        return record_page(ctx, KEY, req, "Keys", lambda key: {"KeyId": key.name, "KeyArn": key.arn})

    def update_key_description(self, ctx: Context, req: Params) -> Result:
        """Say something else of a key."""
        key = self._key(ctx, str(req["KeyId"]), "UpdateKeyDescription")
        require_alive(key)
        KEY.amend(ctx, key, request={"Description": req["Description"]})
        return None

    def enable_key(self, ctx: Context, req: Params) -> Result:
        """Let the key be used again."""
        self._switch(ctx, self._key(ctx, str(req["KeyId"]), "EnableKey"), DISABLED, ENABLED)
        return None

    def disable_key(self, ctx: Context, req: Params) -> Result:
        """Refuse every use of the key until it is enabled."""
        self._switch(ctx, self._key(ctx, str(req["KeyId"]), "DisableKey"), ENABLED, DISABLED)
        return None

    def schedule_key_deletion(self, ctx: Context, req: Params) -> Result:
        """Delete the key, and with it all it encrypted, after 7 to 30 days."""
        days = int(req.get("PendingWindowInDays", 30))
        said = {"kms:ScheduleKeyDeletionPendingWindowInDays": str(days)}
        key = self._key(ctx, str(req["KeyId"]), "ScheduleKeyDeletion", said=said)
        if not 7 <= days <= 30:
            raise validation_error(f"PendingWindowInDays must be between 7 and 30, not {days}")
        date = float(int(ctx.now() + days * _DAY_S))
        when = frozenset({ENABLED, DISABLED})
        if KEY.move(ctx, key, PENDING, when=when, state={"deletion": date}) is None:
            raise pending_deletion(key.arn)
        return {"KeyId": key.arn, "DeletionDate": date, "KeyState": PENDING, "PendingWindowInDays": days}

    def cancel_key_deletion(self, ctx: Context, req: Params) -> Result:
        """Keep the key; it is disabled now."""
        key = self._key(ctx, str(req["KeyId"]), "CancelKeyDeletion")
        if KEY.move(ctx, key, DISABLED, when=frozenset({PENDING})) is None:
            raise not_pending_deletion(key.arn)
        return {"KeyId": key.arn}

    def tag_resource(self, ctx: Context, req: Params) -> Result:
        """Add or overwrite tags."""
        tags: list[dict[str, str]] = req["Tags"]
        said: dict[str, str | list[str]] = {"aws:TagKeys": [tag["TagKey"] for tag in tags]}
        said |= {f"aws:RequestTag/{tag['TagKey']}": tag["TagValue"] for tag in tags}
        key = self._key(ctx, str(req["KeyId"]), "TagResource", said=said)
        require_alive(key)
        add_tags(ctx, key, _tags(tags), limit=lambda: limit_exceeded("A key has at most 50 tags."))
        return None

    def untag_resource(self, ctx: Context, req: Params) -> Result:
        """Remove tags."""
        key = self._key(ctx, str(req["KeyId"]), "UntagResource", said={"aws:TagKeys": req["TagKeys"]})
        require_alive(key)
        remove_tags(ctx, key, req["TagKeys"])
        return None

    def list_resource_tags(self, ctx: Context, req: Params) -> Result:
        """A key's tags."""
        key = self._key(ctx, str(req["KeyId"]), "ListResourceTags")
        tags = [{"TagKey": name, "TagValue": value} for name, value in key.tags.items()]
        return item_page(tags, req, "Tags")

    def advance(self, ctx: Context, record: Record) -> float | None:
        """End a key whose waiting time is over, and the aliases that name it."""
        left_s = float(record.state["deletion"]) - ctx.now()
        if left_s > 0:
            return left_s
        listing = Listing(sort="name", limit=1_000_000)
        for alias in ctx.store.list(ALIAS.id, record.scope, listing):
            if alias.request["TargetKeyId"] == record.name:
                ctx.store.delete(alias.key)
        try:
            ctx.store.delete(record.key, _check_due(record))
        except _KeptError:
            return None
        return None

    def _switch(self, ctx: Context, key: Record, origin: str, to: str) -> None:
        require_alive(key)
        if key.status == origin:
            KEY.move(ctx, key, to)


class _KeptError(Exception):
    """The deletion was cancelled meanwhile."""


def _check_due(due: Record) -> Any:
    def check(current: Record) -> None:
        if current.status != PENDING or current.state["deletion"] != due.state["deletion"]:
            raise _KeptError

    return check


def _tags(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    """Tags in the form of the core.

    Raises:
        ServiceError: a reserved or repeated name.
    """
    names = [tag["TagKey"] for tag in tags]
    if len(set(names)) < len(names) or any(name.lower().startswith("aws:") for name in names):
        raise ServiceError("TagException", "Tag keys must be unique and must not begin with aws:.")
    return [{"Key": tag["TagKey"], "Value": tag["TagValue"]} for tag in tags]
