"""Buckets in memory: every call asks for one, and they hardly ever change."""

from sagesse.core.sqlite import Database
from sagesse.engines.objects._index import find_bucket
from sagesse.engines.objects.base import Bucket

_MOST = 10_000


class BucketCache:
    """Buckets as the index has them, at the latest when a change of theirs was acknowledged.

    `find` may meet a change that is being committed: it keeps nothing that was read before `forget` ended.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Bucket] = {}
        self._changes = 0

    def find(self, name: str) -> Bucket:
        """The bucket, or NoSuchBucket."""
        known = self._known.get(name)
        return known if known is not None else self._read(name)

    def forget(self, name: str) -> None:
        """A change of the bucket was committed."""
        self._changes += 1
        self._known.pop(name, None)

    def forget_all(self) -> None:
        """Everything was changed."""
        self._changes += 1
        self._known.clear()

    def _read(self, name: str) -> Bucket:
        changes = self._changes
        bucket = find_bucket(self._database.reader, name)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[name] = bucket
        if self._changes != changes:
            self._known.pop(name, None)
        return bucket
