"""What the resource families of S3 share: the store, permissions, and the checks every call begins with."""

from collections.abc import Iterable
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.scope import Scope, canonical_id
from sagesse.core.service import Facts, Grant, Params, Service
from sagesse.engines.objects import ObjectStore
from sagesse.engines.objects.base import Address, Bucket
from sagesse.services.s3._access import grants
from sagesse.services.s3._error import access_denied
from sagesse.services.s3._fact import call_facts
from sagesse.services.s3._unsupported import refuse_unsupported

MAX_KEY_BYTES = 1024


class Family(Service):
    """Base of the families.

    Args:
        objects: where buckets and objects are kept.
    """

    service = "s3"

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        return grants(operation, params, scope)

    def _facts(self, operation: str, params: Params) -> Facts:
        return call_facts(operation, params)

    async def _bucket(self, ctx: Context, req: Params) -> Bucket:
        """The bucket a call names, after the checks that hold for every call.

        Raises:
            ServiceError: NotImplemented for unsupported members, NoSuchBucket, AccessDenied.
        """
        refuse_unsupported(req)
        return await self._owned(ctx, str(req["Bucket"]), req.get("ExpectedBucketOwner"))

    async def _owned(self, ctx: Context, name: str, expected_owner: Any) -> Bucket:
        """A bucket, when it is the account's that the caller expects; who may use it was settled before."""
        bucket = await self._objects.bucket(name)
        if expected_owner is not None and expected_owner != bucket.account:
            raise access_denied()
        return bucket

    async def _address(self, ctx: Context, req: Params) -> Address:
        """The object a call names, in a bucket that was checked."""
        bucket = await self._bucket(ctx, req)
        key = str(req["Key"])
        if (size := len(key.encode())) > MAX_KEY_BYTES:
            fields = {"Size": size, "MaxSizeAllowed": MAX_KEY_BYTES}
            raise ServiceError("KeyTooLongError", "Your key is too long", status=400, fields=fields)
        return Address(bucket.name, key)


def owner(account: str) -> dict[str, str]:
    """An account as S3 shows owners."""
    return {"ID": canonical_id(account)}
