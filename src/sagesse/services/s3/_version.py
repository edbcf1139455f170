"""Version ids in requests and responses."""

import re
from collections.abc import Mapping
from typing import Any

from sagesse.engines.objects.base import NULL_VERSION, Bucket
from sagesse.services.s3._error import invalid_argument

_VERSION = re.compile(r"null|[0-9a-f]{32}", re.ASCII)


def version_of(req: Mapping[str, Any]) -> str | None:
    """The version a request names, or None for the current one.

    Raises:
        ServiceError: InvalidArgument.
    """
    version = req.get("VersionId")
    return None if version is None else checked_version(str(version), "versionId")


def checked_version(version: str, name: str) -> str:
    """A version id; `name` is the parameter's.

    Raises:
        ServiceError: InvalidArgument.
    """
    if not version:
        raise invalid_argument("Version id cannot be the empty string", name, version)
    if _VERSION.fullmatch(version) is None:
        raise invalid_argument("Invalid version id specified", name, version)
    return version


def version_members(bucket: Bucket, version: str | None, *, member: str = "VersionId") -> dict[str, Any]:
    """The version as a member of a response; nothing where the bucket never had versions."""
    if version in {None, NULL_VERSION} and not bucket.versioning:
        return {}
    return {member: version}
