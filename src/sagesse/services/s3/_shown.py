"""What responses say of an object on behalf of its bucket: its version, and when it will expire."""

from typing import Any

from sagesse.engines.objects import ObjectStore
from sagesse.engines.objects.base import ObjectInfo
from sagesse.services.s3._lifecycle import expiration_members
from sagesse.services.s3._setting import LIFECYCLE
from sagesse.services.s3._version import version_members


async def shown_members(objects: ObjectStore, info: ObjectInfo) -> dict[str, Any]:
    """The version and the expiration of what a name shows."""
    bucket = await objects.bucket(info.bucket)
    members = await version_members(objects, info.bucket, info.version)
    return members | expiration_members(bucket, info) if LIFECYCLE in bucket.settings else members
