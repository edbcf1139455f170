"""Access control lists of buckets and objects.

They count only in buckets whose ownership controls let them, which new buckets' do not; elsewhere they can be read.
"""

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.scope import canonical_id
from sagesse.core.service import Params, Result
from sagesse.engines.objects.base import Bucket
from sagesse.services.s3._acl import Acl, acl_of, acl_of_text, names_acl, private
from sagesse.services.s3._error import access_denied
from sagesse.services.s3._family import Family
from sagesse.services.s3._news import LIST_ACCESS
from sagesse.services.s3._setting import ACL, public_access_of, takes_acls
from sagesse.services.s3._unsupported import acls_not_supported
from sagesse.services.s3._version import version_members, version_of


class Acls(Family):
    """Get and put the lists of buckets and objects."""

    async def get_bucket_acl(self, ctx: Context, req: Params) -> Result:
        """The bucket's list."""
        bucket = self._bucket(req)
        return _acl(bucket, str(bucket.settings.get(ACL, ""))).members

    async def put_bucket_acl(self, ctx: Context, req: Params) -> Result:
        """Replace the bucket's list."""
        bucket = self._bucket(req)
        wish = _wished(req, bucket, canonical_id(bucket.account))
        await self._objects.configure_bucket(bucket.name, ACL, wish.text)
        return None

    async def get_object_acl(self, ctx: Context, req: Params) -> Result:
        """An object's list."""
        bucket, address = self._place(req)
        info = (await self._objects.get(address, version_of(req))).info
        return _acl(bucket, info.attributes.acl).members

    async def put_object_acl(self, ctx: Context, req: Params) -> Result:
        """Replace an object's list; its owner stays."""
        bucket, address = self._place(req)
        version = version_of(req)
        kept = (await self._objects.get(address, version)).info.attributes.acl
        wish = _wished(req, bucket, _acl(bucket, kept).owner)
        tell = self._tell(ctx, bucket, LIST_ACCESS)
        info = await self._objects.list_access(address, wish.text, version, tell=tell)
        return version_members(bucket, info.version)


def _acl(bucket: Bucket, text: str) -> Acl:
    """The list that counts: the kept one where lists count, else the bucket owner's."""
    return acl_of_text(text) if text and takes_acls(bucket) else private(canonical_id(bucket.account))


def _wished(req: Params, bucket: Bucket, owner: str) -> Acl:
    """The list to put.

    Raises:
        ServiceError: lists do not count here, this one is public where that is blocked, or there is none.
    """
    if not takes_acls(bucket):
        raise acls_not_supported()
    if not names_acl(req):
        message = "Your request was missing a required header"
        raise ServiceError(
            "MissingSecurityHeader", message, status=400, fields={"MissingHeaderName": "x-amz-acl"}
        )
    wish = acl_of(req, owner=owner, bucket_owner=canonical_id(bucket.account))
    if wish.is_public and public_access_of(bucket).blocks_acls:
        raise access_denied()
    return wish
