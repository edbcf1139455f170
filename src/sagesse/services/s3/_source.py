"""The source of a copy, as the client names it."""

from typing import Any, NamedTuple
from urllib.parse import unquote

from sagesse.services.s3._error import invalid_argument
from sagesse.services.s3._version import checked_version


class Source(NamedTuple):
    """An object, or one of its versions."""

    bucket: str
    key: str
    version: str | None


def parse_source(source: Any) -> Source:
    """The object named by ``bucket/key`` or ``/bucket/key``, percent-encoded, with an optional ``?versionId=``.

    Raises:
        ServiceError: InvalidArgument.
    """
    text = str(source)
    path, is_versioned, version = text.partition("?versionId=")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    if not bucket or not key or bucket.startswith("arn:"):
        raise invalid_argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            "x-amz-copy-source",
            text,
        )
    return Source(bucket, key, checked_version(version, "versionId") if is_versioned else None)
