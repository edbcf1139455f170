"""Listings of objects, versions 1 and 2."""

import base64
import binascii
from typing import Any

from sagesse.core.call import Context
from sagesse.core.service import Params, Result
from sagesse.engines.objects.base import ListedObject, ListQuery, Page
from sagesse.services.s3._attribute import quoted
from sagesse.services.s3._error import invalid_argument
from sagesse.services.s3._family import Family, owner
from sagesse.services.s3._page import encoder, page_limit


class Listings(Family):
    """ListObjects and ListObjectsV2."""

    async def list_objects_v2(self, ctx: Context, req: Params) -> Result:
        """A page of keys, going on from a token."""
        bucket = self._bucket(req)
        start = str(req.get("StartAfter", ""))
        after, is_group = start, False
        if "ContinuationToken" in req:
            after, is_group = _read_token(str(req["ContinuationToken"]))
        page = await self._page(bucket.name, req, after, is_group)
        shown_owner = owner(bucket.account) if req.get("FetchOwner") else None
        result = _members(req, bucket.name, page, shown_owner)
        result["KeyCount"] = len(page.objects) + len(page.groups)
        if start:
            result["StartAfter"] = encoder(req)(start)
        if "ContinuationToken" in req:
            result["ContinuationToken"] = req["ContinuationToken"]
        if page.is_truncated:
            result["NextContinuationToken"] = _write_token(page)
        return result

    async def list_objects(self, ctx: Context, req: Params) -> Result:
        """A page of keys behind a marker."""
        bucket = self._bucket(req)
        marker, delimiter = str(req.get("Marker", "")), str(req.get("Delimiter", ""))
        is_group = bool(delimiter) and marker.endswith(delimiter)
        page = await self._page(bucket.name, req, marker, is_group)
        result = _members(req, bucket.name, page, owner(bucket.account))
        result["Marker"] = encoder(req)(marker)
        if page.is_truncated and delimiter:
            result["NextMarker"] = encoder(req)(page.last)
        return result

    async def _page(self, bucket: str, req: Params, after: str, is_group: bool) -> Page:
        query = ListQuery(
            prefix=str(req.get("Prefix", "")),
            delimiter=str(req.get("Delimiter", "")),
            after="" if is_group else after,
            after_group=after if is_group else "",
            limit=page_limit(req, "MaxKeys"),
        )
        return await self._objects.page(bucket, query)


def _members(req: Params, bucket: str, page: Page, shown_owner: dict[str, str] | None) -> dict[str, Any]:
    encode = encoder(req)
    result: dict[str, Any] = {
        "Name": bucket,
        "Prefix": encode(str(req.get("Prefix", ""))),
        "MaxKeys": page_limit(req, "MaxKeys"),
        "IsTruncated": page.is_truncated,
    }
    if req.get("Delimiter"):
        result["Delimiter"] = encode(str(req["Delimiter"]))
    if req.get("EncodingType"):
        result["EncodingType"] = req["EncodingType"]
    if page.objects:
        result["Contents"] = [_entry(entry, encode(entry.key), shown_owner) for entry in page.objects]
    if page.groups:
        result["CommonPrefixes"] = [{"Prefix": encode(group)} for group in page.groups]
    return result


def _entry(entry: ListedObject, name: str, shown_owner: dict[str, str] | None) -> dict[str, Any]:
    members: dict[str, Any] = {
        "Key": name,
        "LastModified": entry.modified,
        "ETag": quoted(entry.etag),
        "Size": entry.size_bytes,
        "StorageClass": entry.storage_class,
    }
    if entry.checksum is not None:
        members["ChecksumAlgorithm"] = [entry.checksum.algorithm]
        members["ChecksumType"] = entry.checksum.kind
    if shown_owner is not None:
        members["Owner"] = shown_owner
    return members


def _write_token(page: Page) -> str:
    kind = "g" if page.last_is_group else "k"
    return base64.urlsafe_b64encode(f"{kind}{page.last}".encode()).decode()


def _read_token(token: str) -> tuple[str, bool]:
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError):
        text = ""
    if text[:1] not in {"g", "k"} or not text:
        message = "The continuation token provided is incorrect"
        raise invalid_argument(message, "continuation-token", token)
    return text[1:], text[0] == "g"
