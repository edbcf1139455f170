"""What the resource families of S3 share: the store, permissions, and the checks every call begins with."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.policy import IdentityAuthorizer
from sagesse.core.scope import Scope, canonical_id, partition
from sagesse.core.service import Facts, Grant, Params, Service
from sagesse.engines.objects import ObjectStore
from sagesse.engines.objects.base import Address, Attributes, Bucket, Tell
from sagesse.engines.objects.error import no_such_bucket
from sagesse.services.s3._access import grants
from sagesse.services.s3._acl import acl_of, private
from sagesse.services.s3._attribute import attributes_of
from sagesse.services.s3._error import access_denied
from sagesse.services.s3._fact import call_facts
from sagesse.services.s3._lock import lock_of
from sagesse.services.s3._news import Cause, caller_of, news
from sagesse.services.s3._setting import NOTIFICATION, prefers_owner, public_access_of, takes_acls
from sagesse.services.s3._unsupported import refuse_object_acl, refuse_unsupported
from sagesse.services.s3.encryption import Encryption

MAX_KEY_BYTES = 1024


class Place(NamedTuple):
    """Where the object of a call is."""

    bucket: Bucket
    address: Address


class Family(Service):
    """Base of the families.

    Args:
        objects: where buckets and objects are kept.
        encryption: seals and opens objects.
        authorizer: judges what only a handler can name; the pipeline has judged the call.
    """

    service = "s3"

    def __init__(self, objects: ObjectStore, encryption: Encryption, authorizer: IdentityAuthorizer) -> None:
        self._objects = objects
        self._encryption = encryption
        self._authorizer = authorizer

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        return grants(operation, params, scope)

    def _facts(self, operation: str, params: Params) -> Facts:
        return call_facts(operation, params)

    def _bucket(self, req: Params) -> Bucket:
        """The bucket a call names, after the checks that hold for every call.

        Raises:
            ServiceError: NotImplemented for unsupported members, NoSuchBucket, AccessDenied.
        """
        refuse_unsupported(req)
        return self._owned(str(req["Bucket"]), req.get("ExpectedBucketOwner"))

    def _owned(self, name: str, expected_owner: Any) -> Bucket:
        """A bucket, when it is the account's that the caller expects; who may use it was settled before."""
        bucket = self._objects.find_bucket(name)
        if bucket is None:
            raise no_such_bucket(name)
        if expected_owner is not None and expected_owner != bucket.account:
            raise access_denied()
        return bucket

    def _place(self, req: Params) -> Place:
        """The object a call names, in a bucket that was checked."""
        bucket, key = self._bucket(req), str(req["Key"])
        if (size := len(key.encode())) > MAX_KEY_BYTES:
            fields = {"Size": size, "MaxSizeAllowed": MAX_KEY_BYTES}
            raise ServiceError("KeyTooLongError", "Your key is too long", status=400, fields=fields)
        return Place(bucket, Address(bucket.name, key))

    def _may_know(self, ctx: Context, bucket: str, error: ServiceError) -> ServiceError:
        """What a reader is told instead of `error`: who may not list a bucket is not told that a key is missing."""
        if error.code != "NoSuchKey":
            return error
        grant = Grant("s3:ListBucket", f"arn:{partition(ctx.region)}:s3:::{bucket}")
        try:
            self._authorizer.require(ctx, "s3", grant)
        except ServiceError as denied:
            return denied
        return error

    def _tell(self, ctx: Context, bucket: Bucket, cause: Cause) -> Tell | None:
        """What tells of the changes that a call makes in a bucket; None where nobody wants to know."""
        if NOTIFICATION not in bucket.settings:
            return None
        return news(bucket, cause, caller_of(ctx), ctx.now())

    def _attributes(self, ctx: Context, req: Params, bucket: Bucket) -> Attributes:
        """What a call that makes an object wants to be remembered with it; its seal comes later."""
        return attributes_of(req, acl=_object_acl(ctx, req, bucket), lock=lock_of(req, bucket, ctx.now()))


def _object_acl(ctx: Context, req: Params, bucket: Bucket) -> str:
    """The access control list of the object a call writes; empty for that of the bucket's owner.

    Raises:
        ServiceError: AccessControlListNotSupported, or AccessDenied for a public one where that is blocked.
    """
    if not takes_acls(bucket):
        refuse_object_acl(req)
        return ""
    bucket_owner = canonical_id(bucket.account)
    gives_away = req.get("ACL") == "bucket-owner-full-control" and prefers_owner(bucket)
    writer = "" if gives_away else ctx.principal.account
    wish = acl_of(req, owner=canonical_id(writer or bucket.account), bucket_owner=bucket_owner)
    if wish.is_public and public_access_of(bucket).blocks_acls:
        raise access_denied()
    return "" if wish == private(bucket_owner) else wish.text


def owner(account: str) -> dict[str, str]:
    """An account as S3 shows owners."""
    return {"ID": canonical_id(account)}
