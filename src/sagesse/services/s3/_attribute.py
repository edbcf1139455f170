"""What a client asks to be remembered with an object, and how it comes back."""

from typing import Any

from sagesse.core.error import ServiceError
from sagesse.core.service import Params
from sagesse.engines.objects.base import STANDARD, Attributes, Lock, ObjectInfo
from sagesse.services.s3._tag import tags_of_header

MAX_METADATA_BYTES = 2048
REDIRECT = "WebsiteRedirectLocation"
_MAX_REDIRECT_BYTES = 2048
_HEADERS = frozenset(
    {
        "CacheControl",
        "ContentDisposition",
        "ContentEncoding",
        "ContentLanguage",
        "ContentType",
        "Expires",
        REDIRECT,
        "StorageClass",
    }
)


def attributes_of(req: Params, *, acl: str = "", lock: Lock | None = None) -> Attributes:
    """The attributes in a request; `acl` and `lock` were read before.

    Raises:
        ServiceError: MetadataTooLarge, InvalidRedirectLocation, or a bad tag.
    """
    headers = {name: value for name, value in req.items() if name in _HEADERS and value}
    headers.setdefault("ContentType", "binary/octet-stream")
    if "ContentEncoding" in headers:
        headers |= {"ContentEncoding": _without_chunking(str(headers["ContentEncoding"]))}
        if not headers["ContentEncoding"]:
            del headers["ContentEncoding"]
    if headers.get("StorageClass") == STANDARD:
        del headers["StorageClass"]
    _check_redirect(str(headers.get(REDIRECT, "/")))
    metadata: dict[str, str] = {key.lower(): str(value) for key, value in req.get("Metadata", {}).items()}
    if (
        size := sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items())
    ) > MAX_METADATA_BYTES:
        raise ServiceError(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            status=400,
            fields={"Size": size, "MaxSizeAllowed": MAX_METADATA_BYTES},
        )
    tags = tags_of_header(req.get("Tagging", ""))
    return Attributes(headers=headers, metadata=metadata, tags=tags, acl=acl, lock=lock)


def object_members(info: ObjectInfo) -> dict[str, Any]:
    """What GET and HEAD say of an object beside its length."""
    members: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "LastModified": info.modified,
        "ETag": quoted(info.etag),
        "Metadata": info.attributes.metadata,
        **info.attributes.headers,
    }
    if info.attributes.tags:
        members["TagCount"] = len(info.attributes.tags)
    return members


def _check_redirect(location: str) -> None:
    if not location.startswith(("/", "http://", "https://")):
        message = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."
        raise ServiceError("InvalidRedirectLocation", message, status=400)
    if len(location.encode()) > _MAX_REDIRECT_BYTES:
        message = f"The length of website redirect location cannot exceed {_MAX_REDIRECT_BYTES} characters."
        raise ServiceError("InvalidRedirectLocation", message, status=400)


def storage_class(attributes: Attributes) -> str:
    """The storage class, a label here: GET and HEAD show it where it is not the standard one, as in AWS."""
    return str(attributes.headers.get("StorageClass", STANDARD))


def quoted(etag: str) -> str:
    """An etag as it is sent."""
    return f'"{etag}"'


def _without_chunking(encoding: str) -> str:
    """The content's own encodings: ``aws-chunked`` is one of the transfer."""
    parts = (part.strip() for part in encoding.split(","))
    return ",".join(part for part in parts if part and part != "aws-chunked")
