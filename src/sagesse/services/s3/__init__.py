"""Amazon S3.

What it is: buckets, objects and multipart uploads with S3's names, headers, errors and checksums.
What really runs: an `engines.objects.ObjectStore`; what it acknowledges is on disk.
What differs from AWS: docs/services/s3.md.
"""

from sagesse.core.policy import IdentityAuthorizer
from sagesse.core.service import Service
from sagesse.engines.objects import ObjectStore
from sagesse.engines.vault import Vault
from sagesse.services.s3._document import check_document
from sagesse.services.s3._expiry import Expiry
from sagesse.services.s3._guard import BucketGuards
from sagesse.services.s3.acl import Acls
from sagesse.services.s3.bucket import Buckets
from sagesse.services.s3.configuration import Configurations
from sagesse.services.s3.copy import Copies
from sagesse.services.s3.cors import Cors, SharingRules
from sagesse.services.s3.encryption import Encryption, vault_keys
from sagesse.services.s3.lifecycle import Lifecycles
from sagesse.services.s3.listing import Listings
from sagesse.services.s3.lock import Locks
from sagesse.services.s3.multipart import Uploads
from sagesse.services.s3.notification import Notifications
from sagesse.services.s3.object import Objects
from sagesse.services.s3.policy import Policies
from sagesse.services.s3.public_access import PublicAccess
from sagesse.services.s3.select import Selections
from sagesse.services.s3.tag import Tags
from sagesse.services.s3.version import Versions
from sagesse.services.s3.website import Websites, website_of

__all__ = [
    "Acls",
    "BucketGuards",
    "Buckets",
    "Configurations",
    "Copies",
    "Cors",
    "Expiry",
    "Lifecycles",
    "Listings",
    "Locks",
    "Notifications",
    "Objects",
    "Policies",
    "PublicAccess",
    "Selections",
    "SharingRules",
    "Tags",
    "Uploads",
    "Versions",
    "Websites",
    "check_document",
    "services",
    "vault_keys",
    "website_of",
]


def services(
    objects: ObjectStore, vault: Vault, authorizer: IdentityAuthorizer, *, seals_all: bool = False
) -> tuple[Service, ...]:
    """Every family of S3 over one store.

    Args:
        objects: where buckets and objects are kept.
        vault: wraps the keys of objects.
        authorizer: judges what only a handler can name.
        seals_all: encrypts every new object.
    """
    encryption = Encryption(vault, seals_all=seals_all)
    families = (
        Buckets,
        Objects,
        Copies,
        Listings,
        Uploads,
        Tags,
        Versions,
        Locks,
        Lifecycles,
        Policies,
        PublicAccess,
        Acls,
        Cors,
        Configurations,
        Notifications,
        Websites,
        Selections,
    )
    return tuple(family(objects, encryption, authorizer) for family in families)
