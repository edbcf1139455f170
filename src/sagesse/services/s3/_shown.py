"""What responses say of an object on behalf of its bucket: its version, and when it will expire."""

from typing import Any

from sagesse.engines.objects.base import Bucket, ObjectInfo
from sagesse.services.s3._lifecycle import expiration_members
from sagesse.services.s3._setting import LIFECYCLE
from sagesse.services.s3._version import version_members


def shown_members(bucket: Bucket, info: ObjectInfo) -> dict[str, Any]:
    """The version and the expiration of what a name shows."""
    members = version_members(bucket, info.version)
    return members | expiration_members(bucket, info) if LIFECYCLE in bucket.settings else members
