"""Which IAM action on which resource every operation needs."""

from collections.abc import Iterable, Mapping
from typing import Any

from sagesse.core.scope import Scope, partition
from sagesse.core.service import Grant
from sagesse.services.s3._source import parse_source

ON_BUCKET: Mapping[str, str] = {
    "CreateBucket": "CreateBucket",
    "DeleteBucket": "DeleteBucket",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketPolicy": "DeleteBucketPolicy",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteBucketWebsite": "DeleteBucketWebsite",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAcl": "GetBucketAcl",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketLocation": "GetBucketLocation",
    "GetBucketLogging": "GetBucketLogging",
    "GetBucketNotification": "GetBucketNotification",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketOwnershipControls": "GetBucketOwnershipControls",
    "GetBucketPolicy": "GetBucketPolicy",
    "GetBucketPolicyStatus": "GetBucketPolicyStatus",
    "GetBucketRequestPayment": "GetBucketRequestPayment",
    "GetBucketTagging": "GetBucketTagging",
    "GetBucketVersioning": "GetBucketVersioning",
    "GetBucketWebsite": "GetBucketWebsite",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "PutBucketAcl": "PutBucketAcl",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketLogging": "PutBucketLogging",
    "PutBucketNotification": "PutBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketOwnershipControls": "PutBucketOwnershipControls",
    "PutBucketPolicy": "PutBucketPolicy",
    "PutBucketRequestPayment": "PutBucketRequestPayment",
    "PutBucketTagging": "PutBucketTagging",
    "PutBucketVersioning": "PutBucketVersioning",
    "PutBucketWebsite": "PutBucketWebsite",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
ON_OBJECT: Mapping[str, tuple[str, ...]] = {
    "AbortMultipartUpload": ("AbortMultipartUpload",),
    "CompleteMultipartUpload": ("PutObject",),
    "CopyObject": ("PutObject",),
    "CreateMultipartUpload": ("PutObject",),
    "DeleteObject": ("DeleteObject",),
    "DeleteObjectTagging": ("DeleteObjectTagging",),
    "GetObject": ("GetObject",),
    "GetObjectAcl": ("GetObjectAcl",),
    "GetObjectAttributes": ("GetObject", "GetObjectAttributes"),
    "GetObjectLegalHold": ("GetObjectLegalHold",),
    "GetObjectRetention": ("GetObjectRetention",),
    "GetObjectTagging": ("GetObjectTagging",),
    "HeadObject": ("GetObject",),
    "ListParts": ("ListMultipartUploadParts",),
    "PutObject": ("PutObject",),
    "PutObjectAcl": ("PutObjectAcl",),
    "PutObjectLegalHold": ("PutObjectLegalHold",),
    "PutObjectRetention": ("PutObjectRetention",),
    "PutObjectTagging": ("PutObjectTagging",),
    "RestoreObject": ("RestoreObject",),
    "SelectObjectContent": ("GetObject",),
    "UploadPart": ("PutObject",),
    "UploadPartCopy": ("PutObject",),
}
# What a version by its id needs instead.
_OF_VERSION = {
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectAcl": "PutObjectVersionAcl",
    "PutObjectTagging": "PutObjectVersionTagging",
}
# Where an etag in If-Match tells what the object is, so that reading it must be allowed.
_COMPARING = frozenset({"PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject"})
_WRITES = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})
# Members of a write that need a permission of their own.
_WITH_WRITE = {
    "ACL": "PutObjectAcl",
    "GrantFullControl": "PutObjectAcl",
    "GrantRead": "PutObjectAcl",
    "GrantReadACP": "PutObjectAcl",
    "GrantWriteACP": "PutObjectAcl",
    "ObjectLockLegalHoldStatus": "PutObjectLegalHold",
    "ObjectLockMode": "PutObjectRetention",
    "ObjectLockRetainUntilDate": "PutObjectRetention",
    "Tagging": "PutObjectTagging",
}
# What most calls need, and the members that need more or other permissions.
_ONE_ACTION = {operation: f"s3:{needs[0]}" for operation, needs in ON_OBJECT.items() if len(needs) == 1}
_OTHER_NEEDS = frozenset({"VersionId", "CopySource", "IfMatch", "BypassGovernanceRetention", *_WITH_WRITE})
_WITH_BUCKET = {
    "ACL": "PutBucketAcl",
    "GrantFullControl": "PutBucketAcl",
    "GrantRead": "PutBucketAcl",
    "GrantReadACP": "PutBucketAcl",
    "GrantWrite": "PutBucketAcl",
    "GrantWriteACP": "PutBucketAcl",
    "ObjectLockEnabledForBucket": "PutBucketObjectLockConfiguration",
    "ObjectOwnership": "PutBucketOwnershipControls",
}


def grants(operation: str, params: Mapping[str, Any], scope: Scope) -> Iterable[Grant]:
    """The permissions a call of `operation` needs."""
    prefix = f"arn:{partition(scope.region)}:s3:::"
    bucket = f"{prefix}{params.get('Bucket', '')}"
    action = _ONE_ACTION.get(operation)
    if action is not None and _OTHER_NEEDS.isdisjoint(params):
        return (Grant(action, f"{bucket}/{params.get('Key', '')}"),)
    if operation in ON_BUCKET:
        extra = _extra(_WITH_BUCKET, params) if operation == "CreateBucket" else ()
        return tuple(Grant(f"s3:{action}", bucket) for action in (ON_BUCKET[operation], *extra))
    if operation == "ListBuckets":
        return (Grant("s3:ListAllMyBuckets", "*"),)
    if operation == "DeleteObjects":
        return ()  # judged key by key, see deletion_grants
    target = f"{bucket}/{params.get('Key', '')}"
    return [Grant(f"s3:{action}", target) for action in _on_object(operation, params)] + _source(
        params, prefix
    )


def deletion_grants(
    bucket: str, entry: Mapping[str, Any], region: str, *, bypasses_governance: bool
) -> list[Grant]:
    """The permissions that one of many deletions needs."""
    target = f"arn:{partition(region)}:s3:::{bucket}/{entry['Key']}"
    actions = ["s3:DeleteObjectVersion" if entry.get("VersionId") else "s3:DeleteObject"]
    if entry.get("ETag", "*") != "*":
        actions.append("s3:GetObject")
    if bypasses_governance:
        actions.append("s3:BypassGovernanceRetention")
    return [Grant(action, target) for action in actions]


def _on_object(operation: str, params: Mapping[str, Any]) -> list[str]:
    actions = list(ON_OBJECT.get(operation, (operation,)))
    if "VersionId" in params:
        actions = [_OF_VERSION.get(action, action) for action in actions]
    if operation in _COMPARING and params.get("IfMatch", "*") != "*":
        actions.append("GetObject")
    if operation in _WRITES:
        actions += _extra(_WITH_WRITE, params)
    if params.get("BypassGovernanceRetention"):
        actions.append("BypassGovernanceRetention")
    return actions


def _source(params: Mapping[str, Any], prefix: str) -> list[Grant]:
    """The permission to read what is copied."""
    if "CopySource" not in params:
        return []
    source = parse_source(params["CopySource"])
    action = "GetObjectVersion" if "?versionId=" in str(params["CopySource"]) else "GetObject"
    return [Grant(f"s3:{action}", f"{prefix}{source.bucket}/{source.key}")]


def _extra(needs: Mapping[str, str], params: Mapping[str, Any]) -> list[str]:
    if needs.keys().isdisjoint(params):
        return []
    return list(dict.fromkeys(action for member, action in needs.items() if member in params))
