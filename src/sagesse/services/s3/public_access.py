"""The public access block and ownership controls of buckets.

New buckets block all public access and belong to their owner with everything in them, as in AWS since 2023.
"""

from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.scope import canonical_id
from sagesse.core.service import Params, Result
from sagesse.services.s3._acl import acl_of_text, private
from sagesse.services.s3._error import malformed_xml
from sagesse.services.s3._family import Family
from sagesse.services.s3._setting import ACL, OWNERSHIP, OWNERSHIPS, PUBLIC_ACCESS, public_access_of

_SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class PublicAccess(Family):
    """What a bucket lets nobody open, and whether ACLs count in it."""

    async def get_public_access_block(self, ctx: Context, req: Params) -> Result:
        """The four switches."""
        bucket = self._bucket(req)
        if bucket.settings.get(PUBLIC_ACCESS) == {}:
            raise ServiceError(
                "NoSuchPublicAccessBlockConfiguration",
                "The public access block configuration was not found",
                status=404,
                fields={"BucketName": bucket.name},
            )
        return {"PublicAccessBlockConfiguration": dict(zip(_SWITCHES, public_access_of(bucket), strict=True))}

    async def put_public_access_block(self, ctx: Context, req: Params) -> Result:
        """Set the four switches; one that is not named is off."""
        bucket = self._bucket(req)
        wish: dict[str, Any] = req["PublicAccessBlockConfiguration"]
        switches = {name: bool(wish.get(name)) for name in _SWITCHES}
        await self._objects.configure_bucket(bucket.name, PUBLIC_ACCESS, switches)
        return None

    async def delete_public_access_block(self, ctx: Context, req: Params) -> Result:
        """Block nothing any more."""
        bucket = self._bucket(req)
        await self._objects.configure_bucket(bucket.name, PUBLIC_ACCESS, {})
        return None

    async def get_bucket_ownership_controls(self, ctx: Context, req: Params) -> Result:
        """Who owns what others upload."""
        bucket = self._bucket(req)
        ownership = bucket.settings.get(OWNERSHIP, "BucketOwnerEnforced")
        if not ownership:
            raise ServiceError(
                "OwnershipControlsNotFoundError",
                "The bucket ownership controls were not found",
                status=404,
                fields={"BucketName": bucket.name},
            )
        return {"OwnershipControls": {"Rules": [{"ObjectOwnership": ownership}]}}

    async def put_bucket_ownership_controls(self, ctx: Context, req: Params) -> Result:
        """Decide who owns what others upload; ACLs count unless it is always the bucket's owner."""
        bucket = self._bucket(req)
        rules: list[dict[str, str]] = req["OwnershipControls"].get("Rules") or []
        ownership = rules[0].get("ObjectOwnership") if len(rules) == 1 else None
        if ownership not in OWNERSHIPS:
            raise malformed_xml()
        acl = bucket.settings.get(ACL)
        if (
            ownership == "BucketOwnerEnforced"
            and acl
            and acl_of_text(acl) != private(canonical_id(bucket.account))
        ):
            raise ServiceError(
                "InvalidBucketAclWithObjectOwnership",
                "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
                status=400,
            )
        await self._objects.configure_bucket(bucket.name, OWNERSHIP, ownership)
        return None

    async def delete_bucket_ownership_controls(self, ctx: Context, req: Params) -> Result:
        """Let ACLs count and writers own their objects."""
        bucket = self._bucket(req)
        await self._objects.configure_bucket(bucket.name, OWNERSHIP, "")
        return None
