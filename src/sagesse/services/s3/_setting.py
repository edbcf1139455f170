"""The names under which a bucket's configuration is kept, and what holds where nothing was configured."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sagesse.engines.objects.base import Bucket

ACL = "acl"  # JSON text
CORS = "cors"  # the CORSRules of the request
ENCRYPTION = "encryption"  # the one rule of the request: ApplyServerSideEncryptionByDefault, BucketKeyEnabled
LIFECYCLE = "lifecycle"  # JSON text: the Rules of the request, each with an ID
LOCK = "lock"  # the DefaultRetention of the request
LOGGING = "logging"
NOTIFICATION = "notification"
OWNERSHIP = "ownership"  # BucketOwnerEnforced unless set
OWNERSHIPS = frozenset({"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"})
PAYER = "payer"
POLICY = "policy"  # the document as the client sent it
PUBLIC_ACCESS = (
    "public_access"  # the four switches by their wire names; none is on where the mapping is empty
)
WEBSITE = "website"


class PublicAccess(NamedTuple):
    """The public access block of a bucket."""

    blocks_acls: bool = True
    ignores_acls: bool = True
    blocks_policy: bool = True
    restricts_policy: bool = True


_MEMBERS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_ALL = PublicAccess()


def public_access_of(bucket: Bucket) -> PublicAccess:
    """What of public access is blocked: everything in a new bucket, as in AWS since 2023."""
    kept: Mapping[str, Any] | None = bucket.settings.get(PUBLIC_ACCESS)
    return _ALL if kept is None else PublicAccess(*(bool(kept.get(member)) for member in _MEMBERS))


def takes_acls(bucket: Bucket) -> bool:
    """Whether ACLs count; not in a new bucket, as in AWS since 2023."""
    return bucket.settings.get(OWNERSHIP, "BucketOwnerEnforced") != "BucketOwnerEnforced"


def prefers_owner(bucket: Bucket) -> bool:
    """Whether the bucket's owner owns what a writer gives it full control of."""
    return bucket.settings.get(OWNERSHIP) == "BucketOwnerPreferred"
