"""Members that change behaviour which this service does not have: refused, never accepted and ignored."""

from collections.abc import Mapping, Set
from typing import Any

from sagesse.core.error import ServiceError
from sagesse.core.model import service_model
from sagesse.services.s3._error import not_implemented

_NOTHING: Set[Any] = frozenset()

# The storage classes whose objects are read at once, so that they are labels here; archives would need restores.
_AT_HAND: Set[Any] = frozenset(
    ("STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR")
)
# Member: the values that ask for nothing beyond what happens anyway.
_HARMLESS: Mapping[str, Set[Any]] = {
    "AnnotationDirective": _NOTHING,
    "BucketNamespace": frozenset({"global"}),
    "IfMatchInitiatedTime": _NOTHING,
    "IfMatchLastModifiedTime": _NOTHING,
    "IfMatchSize": _NOTHING,
    "MFA": _NOTHING,
    "ObjectLockEventHold": _NOTHING,
    "ObjectLockEventHoldDurationDays": _NOTHING,
    "ObjectLockEventHoldDurationYears": _NOTHING,
    "StorageClass": _AT_HAND,
    "WriteOffsetBytes": _NOTHING,
}
_GRANTS = frozenset({"GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP"})
_OWNER_ACLS = frozenset({"private", "bucket-owner-full-control"})


def refuse_unsupported(params: Mapping[str, Any]) -> None:
    """Refuse what this service does not do.

    Raises:
        ServiceError: NotImplemented.
    """
    if _HARMLESS.keys().isdisjoint(params):
        return
    for member, value in params.items():
        harmless = _HARMLESS.get(member)
        if harmless is not None and not (harmless and value in harmless):
            if member == "StorageClass" and value not in service_model("s3").shapes[member]["enum"]:
                raise _unknown_storage_class(value)
            raise not_implemented(member, value)


def _unknown_storage_class(value: Any) -> ServiceError:
    message, fields = "The storage class you specified is not valid", {"StorageClassRequested": str(value)}
    return ServiceError("InvalidStorageClass", message, status=400, fields=fields)


def refuse_object_acl(params: Mapping[str, Any]) -> None:
    """Objects belong to the bucket's owner; buckets take no other ACL, as is AWS's default since 2023.

    Raises:
        ServiceError: AccessControlListNotSupported.
    """
    if params.get("ACL", "private") not in _OWNER_ACLS or not _GRANTS.isdisjoint(params):
        raise acls_not_supported()


def acls_not_supported() -> ServiceError:
    """ACLs do not count in this bucket."""
    return ServiceError("AccessControlListNotSupported", "The bucket does not allow ACLs", status=400)


def refuse_bucket_acl(params: Mapping[str, Any]) -> None:
    """As for objects.

    Raises:
        ServiceError: InvalidBucketAclWithObjectOwnership.
    """
    if params.get("ACL", "private") != "private" or not _GRANTS.isdisjoint(params):
        raise ServiceError(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
            status=400,
        )
