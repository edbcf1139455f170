"""The source of a copy, as the client names it."""

from typing import Any
from urllib.parse import unquote

from sagesse.engines.objects.base import Address
from sagesse.services.s3._error import invalid_argument


def parse_source(source: Any) -> Address:
    """The object named by ``bucket/key`` or ``/bucket/key``, percent-encoded, with an optional ``?versionId=null``.

    Raises:
        ServiceError: InvalidArgument.
    """
    text = str(source)
    path, _, version = text.partition("?versionId=")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    if not bucket or not key or bucket.startswith("arn:"):
        raise invalid_argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            "x-amz-copy-source",
            text,
        )
    if version not in {"", "null"}:
        raise invalid_argument("Invalid version id specified", "x-amz-copy-source", text)
    return Address(bucket, key)
