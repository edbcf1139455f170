"""The condition keys of S3 and their values in a call."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from sagesse.core.service import Facts

_OF_MEMBER: Mapping[str, str] = {
    "ACL": "s3:x-amz-acl",
    "CopySource": "s3:x-amz-copy-source",
    "Delimiter": "s3:delimiter",
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
    "MaxKeys": "s3:max-keys",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "ObjectLockLegalHoldStatus": "s3:object-lock-legal-hold",
    "ObjectLockMode": "s3:object-lock-mode",
    "ObjectOwnership": "s3:x-amz-object-ownership",
    "Prefix": "s3:prefix",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "StorageClass": "s3:x-amz-storage-class",
    "VersionId": "s3:VersionId",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
}
_PREFIXED = frozenset({"ListObjects", "ListObjectsV2", "ListObjectVersions"})


def call_facts(operation: str, params: Mapping[str, Any]) -> Facts:
    """What a call says under S3's own condition keys; the request is not validated yet."""
    facts: dict[str, str | Sequence[str]] = {
        _OF_MEMBER[member]: str(value) for member, value in params.items() if member in _OF_MEMBER
    }
    if operation in _PREFIXED:
        facts.setdefault("s3:prefix", "")  # a listing of everything has the empty prefix, as in AWS
    if "?versionId=" in str(params.get("CopySource", "")):
        facts["s3:VersionId"] = str(params["CopySource"]).partition("?versionId=")[2]
    if "Tagging" in params:
        tags = _tags(params["Tagging"])
        facts |= {f"s3:RequestObjectTag/{key}": value for key, value in tags.items()}
        facts["s3:RequestObjectTagKeys"] = list(tags)
    return facts


def _tags(tagging: Any) -> dict[str, str]:
    """Tags of the header (a query string) or of a `Tagging` document."""
    if isinstance(tagging, str):
        # Too many or malformed ones are refused when the request is read.
        return dict(parse_qsl("&".join(tagging.split("&", 100)[:100]), keep_blank_values=True))
    entries: list[Mapping[str, Any]] = tagging.get("TagSet") or []
    return {str(entry.get("Key", "")): str(entry.get("Value", "")) for entry in entries}
