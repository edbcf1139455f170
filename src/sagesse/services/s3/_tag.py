"""Tags of objects and buckets: the rules, and their two forms on the wire."""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from sagesse.core.error import ServiceError
from sagesse.services.s3._error import invalid_argument, invalid_tag

OBJECT_LIMIT = 10
BUCKET_LIMIT = 50
_MAX_KEY = 128
_MAX_VALUE = 256
_SIGNS = frozenset("_.:/=+-@")
_BAD_HEADER = (
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name "
    "duplicates."
)


def tags_of_header(header: str) -> dict[str, str]:
    """The tags of ``x-amz-tagging``, a query string.

    Raises:
        ServiceError: InvalidArgument, InvalidTag, BadRequest.
    """
    if not header:
        return {}
    try:
        pairs = parse_qsl(header, keep_blank_values=True, strict_parsing=True, max_num_fields=100)
    except ValueError:
        raise invalid_argument(_BAD_HEADER, "x-amz-tagging", header) from None
    return _checked(pairs, OBJECT_LIMIT, "Object tags")


def tags_of_set(tagging: Mapping[str, Any], *, limit: int) -> dict[str, str]:
    """The tags of a `Tagging` document.

    Raises:
        ServiceError: InvalidTag, BadRequest.
    """
    entries: list[dict[str, str]] = tagging.get("TagSet") or []
    what = "Object tags" if limit == OBJECT_LIMIT else "Bucket tag count"
    return _checked([(entry.get("Key", ""), entry.get("Value", "")) for entry in entries], limit, what)


def tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as a `TagSet`."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _is_plain(text: str) -> bool:
    """Letters, digits, white space of any language, and a few signs."""
    return all(sign in _SIGNS or unicodedata.category(sign)[0] in "LNZ" for sign in text)


def _checked(pairs: Iterable[tuple[str, str]], limit: int, what: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key in tags:
            raise invalid_tag("Cannot provide multiple Tags with the same key")
        if not 1 <= len(key) <= _MAX_KEY or not _is_plain(key):
            raise invalid_tag("The TagKey you have provided is invalid")
        if len(value) > _MAX_VALUE or not _is_plain(value):
            raise invalid_tag("The TagValue you have provided is invalid")
        if key.startswith("aws:"):
            raise invalid_tag("System tags cannot be added/updated by requester")
        tags[key] = value
    if len(tags) > limit:
        raise ServiceError("BadRequest", f"{what} cannot be greater than {limit}", status=400)
    return tags
