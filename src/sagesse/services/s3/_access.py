"""Which IAM action on which resource every operation needs."""

from collections.abc import Iterable, Mapping
from typing import Any

from sagesse.core.scope import Scope, partition
from sagesse.core.service import Grant
from sagesse.services.s3._source import parse_source

_ON_BUCKET: Mapping[str, str] = {
    "CreateBucket": "CreateBucket",
    "DeleteBucket": "DeleteBucket",
    "DeleteBucketTagging": "PutBucketTagging",
    "GetBucketAcl": "GetBucketAcl",
    "GetBucketLocation": "GetBucketLocation",
    "GetBucketPolicy": "GetBucketPolicy",
    "GetBucketTagging": "GetBucketTagging",
    "GetBucketVersioning": "GetBucketVersioning",
    "HeadBucket": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "PutBucketTagging": "PutBucketTagging",
}
_ON_OBJECT: Mapping[str, tuple[str, ...]] = {
    "AbortMultipartUpload": ("AbortMultipartUpload",),
    "CompleteMultipartUpload": ("PutObject",),
    "CopyObject": ("PutObject",),
    "CreateMultipartUpload": ("PutObject",),
    "DeleteObject": ("DeleteObject",),
    "DeleteObjectTagging": ("DeleteObjectTagging",),
    "GetObject": ("GetObject",),
    "GetObjectAttributes": ("GetObject", "GetObjectAttributes"),
    "GetObjectTagging": ("GetObjectTagging",),
    "HeadObject": ("GetObject",),
    "ListParts": ("ListMultipartUploadParts",),
    "PutObject": ("PutObject",),
    "PutObjectTagging": ("PutObjectTagging",),
    "UploadPart": ("PutObject",),
    "UploadPartCopy": ("PutObject",),
}


def grants(operation: str, params: Mapping[str, Any], scope: Scope) -> Iterable[Grant]:
    """The permissions a call of `operation` needs."""
    prefix = f"arn:{partition(scope.region)}:s3:::"
    bucket = f"{prefix}{params.get('Bucket', '')}"
    if operation in _ON_BUCKET:
        return (Grant(f"s3:{_ON_BUCKET[operation]}", bucket),)
    if operation == "ListBuckets":
        return (Grant("s3:ListAllMyBuckets", "*"),)
    if operation == "DeleteObjects":
        named = params.get("Delete", {}).get("Objects", ())
        return tuple(Grant("s3:DeleteObject", f"{bucket}/{entry.get('Key', '')}") for entry in named)
    target = f"{bucket}/{params.get('Key', '')}"
    needed = [Grant(f"s3:{action}", target) for action in _ON_OBJECT.get(operation, (operation,))]
    if "Tagging" in params and operation in {"PutObject", "CopyObject", "CreateMultipartUpload"}:
        needed.append(Grant("s3:PutObjectTagging", target))
    if "CopySource" in params:
        source = parse_source(params["CopySource"])
        needed.append(Grant("s3:GetObject", f"{prefix}{source.bucket}/{source.key}"))
    return needed
