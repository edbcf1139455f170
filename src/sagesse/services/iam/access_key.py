"""Access keys of users and of the account's root."""

import threading
from typing import Any

from sagesse.core.call import Context
from sagesse.core.identifier import new_secret
from sagesse.core.policy import new_access_key_id
from sagesse.core.record import Record, Store
from sagesse.core.service import Params, Result, inline
from sagesse.services.iam._family import Family
from sagesse.services.iam.error import limit_exceeded
from sagesse.services.iam.kind import ACCESS_KEY, USER, change, every, insert
from sagesse.services.iam.page import sorted_page

_KEYS_PER_USER = 2
counting_keys = threading.Lock()  # between counting a user's keys and what follows from it, no key is made


class AccessKeys(Family):
    """Long-term access keys."""

    kinds = (ACCESS_KEY,)

    def create_access_key(self, ctx: Context, req: Params) -> Result:
        """A key with a new secret, which is answered only here."""
        name = self._own_name(ctx, req, "CreateAccessKey") or ""
        with counting_keys:
            if name:
                USER.get(ctx, name)
            if len(keys_of(ctx, name)) >= _KEYS_PER_USER:
                raise limit_exceeded(f"Cannot exceed quota for AccessKeysPerUser: {_KEYS_PER_USER}")
            record = new_key(ctx.store, ctx.account, name, ctx.now())
        return {"AccessKey": {**_metadata(record), "SecretAccessKey": record.state["secret"]}}

    def list_access_keys(self, ctx: Context, req: Params) -> Result:
        """The keys of the user named, or of the caller."""
        name = self._own_name(ctx, req, "ListAccessKeys") or ""
        if name:
            USER.get(ctx, name)
        listed = [_metadata(record) for record in keys_of(ctx, name)]
        return sorted_page("AccessKeyMetadata", listed, req, lambda key: key["AccessKeyId"])

    def update_access_key(self, ctx: Context, req: Params) -> Result:
        """Switch a key on or off."""
        key = self._key(ctx, req, "UpdateAccessKey")
        change(ctx, ACCESS_KEY, key.name, lambda record: record.output.update(Status=req["Status"]))
        self._identities.forget()
        return None

    def delete_access_key(self, ctx: Context, req: Params) -> Result:
        """Delete a key: what it signs is refused from now on."""
        ACCESS_KEY.remove(ctx, self._key(ctx, req, "DeleteAccessKey").name)
        self._identities.forget()
        return None

    @inline
    def get_access_key_last_used(self, ctx: Context, req: Params) -> Result:
        """When a key was last used since the server started; for which service is not kept."""
        key = ACCESS_KEY.get(ctx, str(req["AccessKeyId"]))
        used: dict[str, Any] = {"ServiceName": "N/A", "Region": "N/A"}
        if (moment := self._identities.last_used(key.name)) is not None:
            used["LastUsedDate"] = moment
        return {"UserName": key.request["UserName"], "AccessKeyLastUsed": used}

    def _key(self, ctx: Context, req: Params, operation: str) -> Record:
        """The key asked for, if it is the named user's or the caller's."""
        owner = self._own_name(ctx, req, operation) or ""
        key = ACCESS_KEY.get(ctx, str(req["AccessKeyId"]))
        if key.request["UserName"] != owner:
            raise ACCESS_KEY.missing(key.name, key.arn)
        return key


def keys_of(ctx: Context, user_name: str) -> list[Record]:
    """The access keys of a user, or of root for ""."""
    return [key for key in every(ctx, ACCESS_KEY) if key.request["UserName"] == user_name]


def new_key(store: Store, account: str, user_name: str, now: float) -> Record:
    """A new active key of a user, or of root for ""."""
    return insert(
        store,
        ACCESS_KEY,
        {"AccessKeyId": new_access_key_id("AKIA", account), "UserName": user_name},
        account=account,
        now=now,
        output={"Status": "Active"},
        state={"secret": new_secret()},
    )


def _metadata(record: Record) -> dict[str, Any]:
    return {
        "UserName": record.request["UserName"],
        "AccessKeyId": record.name,
        "Status": record.output["Status"],
        "CreateDate": record.created,
    }
