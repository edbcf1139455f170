"""Tags of objects and buckets."""

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.service import Params, Result
from sagesse.services.s3._family import Family
from sagesse.services.s3._news import TAG, UNTAG
from sagesse.services.s3._tag import BUCKET_LIMIT, OBJECT_LIMIT, tag_set, tags_of_set
from sagesse.services.s3._version import version_members, version_of


class Tags(Family):
    """Put, get and delete tag sets; a set is always replaced as a whole."""

    async def get_object_tagging(self, ctx: Context, req: Params) -> Result:
        """An object's tags."""
        bucket, address = self._place(req)
        info = (await self._objects.get(address, version_of(req))).info
        shown = version_members(bucket, info.version)
        return {**shown, "TagSet": tag_set(info.attributes.tags)}

    async def put_object_tagging(self, ctx: Context, req: Params) -> Result:
        """Replace an object's tags."""
        bucket, address = self._place(req)
        tags = tags_of_set(req["Tagging"], limit=OBJECT_LIMIT)
        tell = self._tell(ctx, bucket, TAG)
        info = await self._objects.tag(address, tags, version_of(req), tell=tell)
        return version_members(bucket, info.version)

    async def delete_object_tagging(self, ctx: Context, req: Params) -> Result:
        """Remove an object's tags."""
        bucket, address = self._place(req)
        tell = self._tell(ctx, bucket, UNTAG)
        info = await self._objects.tag(address, {}, version_of(req), tell=tell)
        return version_members(bucket, info.version)

    async def get_bucket_tagging(self, ctx: Context, req: Params) -> Result:
        """A bucket's tags; having none is an error, as in AWS."""
        bucket = self._bucket(req)
        if not bucket.tags:
            fields = {"BucketName": bucket.name}
            raise ServiceError("NoSuchTagSet", "The TagSet does not exist", status=404, fields=fields)
        return {"TagSet": tag_set(bucket.tags)}

    async def put_bucket_tagging(self, ctx: Context, req: Params) -> Result:
        """Replace a bucket's tags."""
        bucket = self._bucket(req)
        await self._objects.tag_bucket(bucket.name, tags_of_set(req["Tagging"], limit=BUCKET_LIMIT))
        return None

    async def delete_bucket_tagging(self, ctx: Context, req: Params) -> Result:
        """Remove a bucket's tags."""
        bucket = self._bucket(req)
        await self._objects.tag_bucket(bucket.name, {})
        return None
