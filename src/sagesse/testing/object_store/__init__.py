"""The conformance suite of `ObjectStore`: subclass `ObjectStoreSuite` and give it a `store` fixture.

`object_version.ObjectVersionSuite` is its second half. The store must take parts of any size (`min_part_bytes=0`) and
keep objects above 64 KiB as it keeps large ones.
"""

from sagesse.testing.object_store.action import (
    ACCOUNT,
    BUCKET,
    LARGE,
    collect,
    complete,
    completion,
    keys,
    new_bucket,
    new_upload,
    page,
    part_of,
    put,
    put_part,
    read,
    refusal,
    run,
)
from sagesse.testing.object_store.bucket import BucketChecks
from sagesse.testing.object_store.listing import ListingChecks
from sagesse.testing.object_store.multipart import MultipartChecks
from sagesse.testing.object_store.object import ObjectChecks
from sagesse.testing.object_store.suite import ObjectStoreSuite
from sagesse.testing.object_store.write import WriteChecks

__all__ = [
    "ACCOUNT",
    "BUCKET",
    "LARGE",
    "BucketChecks",
    "ListingChecks",
    "MultipartChecks",
    "ObjectChecks",
    "ObjectStoreSuite",
    "WriteChecks",
    "collect",
    "complete",
    "completion",
    "keys",
    "new_bucket",
    "new_upload",
    "page",
    "part_of",
    "put",
    "put_part",
    "read",
    "refusal",
    "run",
]
