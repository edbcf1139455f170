"""Buckets."""

import base64
import binascii
import ipaddress
import re
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.model import service_model
from sagesse.core.scope import canonical_id
from sagesse.core.service import Params, Result
from sagesse.engines.objects.base import Bucket
from sagesse.services.s3._acl import acl_of, names_acl
from sagesse.services.s3._error import invalid_argument, not_implemented
from sagesse.services.s3._family import Family, owner
from sagesse.services.s3._setting import ACL, OWNERSHIP, OWNERSHIPS
from sagesse.services.s3._tag import BUCKET_LIMIT, tags_of_set
from sagesse.services.s3._unsupported import refuse_bucket_acl, refuse_unsupported

US_EAST_1 = "us-east-1"
_MAX_BUCKETS = 10_000
_DIRECTORY = ("Location", "Bucket")  # members for directory buckets
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]", re.ASCII)
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


class Buckets(Family):
    """Create, find, list and delete buckets, and what is known of one."""

    async def create_bucket(self, ctx: Context, req: Params) -> Result:
        """Create a bucket; in us-east-1, creating one's own again is no error, as in AWS."""
        refuse_unsupported(req)
        settings = _access_settings(ctx, req)
        name = str(req["Bucket"])
        _check_name(name)
        configuration: dict[str, Any] = req.get("CreateBucketConfiguration") or {}
        for member in _DIRECTORY:
            if member in configuration:
                raise not_implemented(f"CreateBucketConfiguration.{member}", configuration[member])
        region = _region(ctx.region, configuration.get("LocationConstraint"))
        tags = tags_of_set({"TagSet": configuration.get("Tags")}, limit=BUCKET_LIMIT)
        bucket = Bucket(
            name=name,
            account=ctx.principal.account,
            region=region,
            created=float(int(ctx.now())),
            tags=tags,
            versioning="Enabled" if req.get("ObjectLockEnabledForBucket") else "",
            has_lock=bool(req.get("ObjectLockEnabledForBucket")),
            settings=settings,
        )
        try:
            await self._objects.create_bucket(bucket)
        except ServiceError as error:
            known = self._objects.find_bucket(name)
            is_again = known is not None and ctx.region == known.region == US_EAST_1
            if error.code != "BucketAlreadyOwnedByYou" or not is_again:
                raise
        location = f"/{name}" if region == US_EAST_1 else f"http://{name}.s3.amazonaws.com/"
        return {"Location": location, "BucketArn": f"arn:aws:s3:::{name}"}

    async def head_bucket(self, ctx: Context, req: Params) -> Result:
        """Whether a bucket exists and is the caller's."""
        bucket = self._bucket(req)
        return {
            "BucketRegion": bucket.region,
            "BucketArn": f"arn:aws:s3:::{bucket.name}",
            "AccessPointAlias": False,
        }

    async def list_buckets(self, ctx: Context, req: Params) -> Result:
        """The caller's buckets by name."""
        limit = int(req.get("MaxBuckets", _MAX_BUCKETS))
        if not 1 <= limit <= _MAX_BUCKETS:
            raise invalid_argument(f"max-buckets must be between 1 and {_MAX_BUCKETS}", "max-buckets", limit)
        prefix, region = str(req.get("Prefix", "")), req.get("BucketRegion")
        after = _read_token(str(req.get("ContinuationToken", "")))
        found: list[Bucket] = []
        while len(found) <= limit and (
            page := await self._objects.buckets(
                ctx.principal.account, prefix=prefix, after=after, limit=limit + 1
            )
        ):
            found += [bucket for bucket in page if region is None or bucket.region == region]
            after = page[-1].name
        result: dict[str, Any] = {
            "Buckets": [_summary(bucket) for bucket in found[:limit]],
            "Owner": owner(ctx.principal.account),
        }
        if prefix:
            result["Prefix"] = prefix
        if len(found) > limit:
            result["ContinuationToken"] = base64.urlsafe_b64encode(found[limit - 1].name.encode()).decode()
        return result

    async def delete_bucket(self, ctx: Context, req: Params) -> Result:
        """Delete an empty bucket."""
        bucket = self._bucket(req)
        await self._objects.delete_bucket(bucket.name)
        return None

    async def get_bucket_location(self, ctx: Context, req: Params) -> Result:
        """The bucket's region; nothing for us-east-1, as ever."""
        bucket = self._bucket(req)
        return {} if bucket.region == US_EAST_1 else {"LocationConstraint": bucket.region}


def _summary(bucket: Bucket) -> dict[str, Any]:
    return {
        "Name": bucket.name,
        "CreationDate": bucket.created,
        "BucketRegion": bucket.region,
        "BucketArn": f"arn:aws:s3:::{bucket.name}",
    }


def _access_settings(ctx: Context, req: Params) -> dict[str, Any]:
    """Ownership controls and the access control list of a new bucket.

    Raises:
        ServiceError: a list where lists do not count, or a public one, which new buckets block.
    """
    ownership = req.get("ObjectOwnership", "BucketOwnerEnforced")
    if ownership not in OWNERSHIPS:
        raise invalid_argument("Invalid x-amz-object-ownership header", "x-amz-object-ownership", ownership)
    if ownership == "BucketOwnerEnforced":
        refuse_bucket_acl(req)
        return {}
    settings: dict[str, Any] = {OWNERSHIP: ownership}
    if names_acl(req):
        owner_id = canonical_id(ctx.principal.account)
        wish = acl_of(req, owner=owner_id, bucket_owner=owner_id)
        if wish.is_public:
            raise ServiceError(
                "InvalidBucketAclWithBlockPublicAccessError",
                "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
                status=400,
            )
        settings[ACL] = wish.text
    return settings


def _check_name(name: str) -> None:
    """AWS's naming rules for general purpose buckets."""
    is_valid = (
        _NAME.fullmatch(name) is not None
        and ".." not in name
        and not name.startswith(_RESERVED_PREFIXES)
        and not name.endswith(_RESERVED_SUFFIXES)
        and not _is_address(name)
    )
    if not is_valid:
        raise ServiceError(
            "InvalidBucketName", "The specified bucket is not valid.", status=400, fields={"BucketName": name}
        )


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def _region(own: str, constraint: Any) -> str:
    """Where a bucket is created: where the request goes, or from us-east-1 anywhere."""
    if constraint is None:
        if own != US_EAST_1:
            raise _illegal_location("unspecified")
        return US_EAST_1
    if constraint not in service_model("s3").shapes["BucketLocationConstraint"]["enum"]:
        raise ServiceError(
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
            status=400,
            fields={"LocationConstraint": constraint},
        )
    region = "eu-west-1" if constraint == "EU" else str(constraint)
    if own not in {US_EAST_1, region}:
        raise _illegal_location(str(constraint))
    return region


def _illegal_location(constraint: str) -> ServiceError:
    return ServiceError(
        "IllegalLocationConstraintException",
        f"The {constraint} location constraint is incompatible for the region specific endpoint this request was "
        "sent to.",
        status=400,
    )


def _read_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError):
        raise invalid_argument(
            "The continuation token provided is incorrect", "continuation-token", token
        ) from None
