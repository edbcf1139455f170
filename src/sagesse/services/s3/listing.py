"""Listings of objects, versions 1 and 2."""

import base64
import binascii
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from sagesse.core.call import Context
from sagesse.core.service import Params, Result
from sagesse.engines.objects.base import ListQuery, ObjectEntry, Page
from sagesse.services.s3._attribute import quoted
from sagesse.services.s3._error import invalid_argument
from sagesse.services.s3._family import Family, owner

MAX_KEYS = 1000
_MAX_INT = 2**31 - 1


class Listings(Family):
    """ListObjects and ListObjectsV2."""

    async def list_objects_v2(self, ctx: Context, req: Params) -> Result:
        """A page of keys, going on from a token."""
        bucket = await self._bucket(ctx, req)
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
        bucket = await self._bucket(ctx, req)
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


def page_limit(req: Params, member: str) -> int:
    """How many entries a page may have: at most 1000.

    Raises:
        ServiceError: InvalidArgument for a negative number.
    """
    asked = int(req.get(member, MAX_KEYS))
    if not 0 <= asked <= _MAX_INT:
        name = f"{member[0].lower()}{member[1:]}"
        raise invalid_argument(f"Argument {name} must be an integer between 0 and {_MAX_INT}", name, asked)
    return min(asked, MAX_KEYS)


def encoder(req: Params) -> Callable[[str], str]:
    """How names are written in the response: percent-encoded when the client asks for ``url``.

    Raises:
        ServiceError: another encoding was asked for.
    """
    encoding = req.get("EncodingType")
    if encoding is None:
        return str
    if encoding != "url":
        raise invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", encoding)
    return _percent_encoded


def _percent_encoded(name: str) -> str:
    return quote_plus(name, safe="/*")


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


def _entry(entry: ObjectEntry, name: str, shown_owner: dict[str, str] | None) -> dict[str, Any]:
    members: dict[str, Any] = {
        "Key": name,
        "LastModified": entry.modified,
        "ETag": quoted(entry.etag),
        "Size": entry.size_bytes,
        "StorageClass": "STANDARD",
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
