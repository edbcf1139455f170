"""Versions of objects: whether a bucket keeps them, and their listing."""

from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.service import Params, Result
from sagesse.engines.objects.base import ListQuery, VersionEntry, VersionPage
from sagesse.services.s3._attribute import quoted
from sagesse.services.s3._error import invalid_argument, malformed_xml, not_implemented
from sagesse.services.s3._family import Family, owner
from sagesse.services.s3._page import encoder, page_limit
from sagesse.services.s3._version import checked_version


class Versions(Family):
    """PutBucketVersioning, GetBucketVersioning, ListObjectVersions."""

    async def put_bucket_versioning(self, ctx: Context, req: Params) -> Result:
        """Enable or suspend versions."""
        bucket = self._bucket(req)
        wish: dict[str, Any] = req["VersioningConfiguration"]
        if wish.get("MFADelete", "Disabled") != "Disabled":
            raise not_implemented("MfaDelete", wish["MFADelete"])
        match wish.get("Status"):
            case "Enabled":
                await self._objects.version_bucket(bucket.name, "Enabled")
            case "Suspended":
                await self._objects.version_bucket(bucket.name, "Suspended")
            case None:
                raise ServiceError(
                    "IllegalVersioningConfigurationException",
                    "The Versioning element must be specified",
                    status=400,
                )
            case _:
                raise malformed_xml()
        return None

    async def get_bucket_versioning(self, ctx: Context, req: Params) -> Result:
        """Nothing until versions were enabled for the first time."""
        bucket = self._bucket(req)
        return {"Status": bucket.versioning} if bucket.versioning else {}

    async def list_object_versions(self, ctx: Context, req: Params) -> Result:
        """A page of versions and delete markers, by key, then from the newest to the oldest."""
        bucket = self._bucket(req)
        page = await self._objects.versions(bucket.name, _query(req))
        encode = encoder(req)
        result: dict[str, Any] = {
            "Name": bucket.name,
            "Prefix": encode(str(req.get("Prefix", ""))),
            "KeyMarker": encode(str(req.get("KeyMarker", ""))),
            "VersionIdMarker": str(req.get("VersionIdMarker", "")),
            "MaxKeys": page_limit(req, "MaxKeys"),
            "IsTruncated": page.is_truncated,
            **_next(req, page),
        }
        if req.get("Delimiter"):
            result["Delimiter"] = encode(str(req["Delimiter"]))
        if req.get("EncodingType"):
            result["EncodingType"] = req["EncodingType"]
        shown = owner(bucket.account)
        entries = [(entry, _entry(entry, encode(entry.key), shown)) for entry in page.versions]
        result["Versions"] = [members for entry, members in entries if not entry.is_marker]
        result["DeleteMarkers"] = [members for entry, members in entries if entry.is_marker]
        result["CommonPrefixes"] = [{"Prefix": encode(group)} for group in page.groups]
        return result


def _query(req: Params) -> ListQuery:
    key, version = str(req.get("KeyMarker", "")), str(req.get("VersionIdMarker", ""))
    delimiter = str(req.get("Delimiter", ""))
    if version:
        checked_version(version, "version-id-marker")
    if version and not key:
        message = "A version-id marker cannot be specified without a key marker."
        raise invalid_argument(message, "version-id-marker", version)
    is_group = bool(delimiter) and not version and key.endswith(delimiter)
    return ListQuery(
        prefix=str(req.get("Prefix", "")),
        delimiter=delimiter,
        after="" if is_group else key,
        after_version=version,
        after_group=key if is_group else "",
        limit=page_limit(req, "MaxKeys"),
    )


def _next(req: Params, page: VersionPage) -> dict[str, str]:
    """Where the next page begins."""
    if not page.is_truncated:
        return {}
    members = {"NextKeyMarker": encoder(req)(page.last)}
    return {**members, "NextVersionIdMarker": page.last_version} if page.last_version else members


def _entry(entry: VersionEntry, name: str, shown_owner: dict[str, str]) -> dict[str, Any]:
    members: dict[str, Any] = {
        "Key": name,
        "VersionId": entry.version,
        "IsLatest": entry.is_latest,
        "LastModified": entry.modified,
        "Owner": shown_owner,
    }
    if entry.is_marker:
        return members
    members |= {"ETag": quoted(entry.etag), "Size": entry.size_bytes, "StorageClass": entry.storage_class}
    if entry.checksum is not None:
        members |= {
            "ChecksumAlgorithm": [entry.checksum.algorithm],
            "ChecksumType": entry.checksum.kind,
        }
    return members
