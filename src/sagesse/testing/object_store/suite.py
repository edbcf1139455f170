"""The suite itself."""

from sagesse.testing.object_store.bucket import BucketChecks
from sagesse.testing.object_store.listing import ListingChecks
from sagesse.testing.object_store.multipart import MultipartChecks
from sagesse.testing.object_store.object import ObjectChecks
from sagesse.testing.object_store.write import WriteChecks


class ObjectStoreSuite(BucketChecks, ObjectChecks, WriteChecks, ListingChecks, MultipartChecks):
    """Everything a store must do."""
