"""The buckets of the local store, and how it writes."""

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from sagesse.core.clock import Clock
from sagesse.core.error import ServiceError
from sagesse.core.outbox import Outbox
from sagesse.core.sqlite import Database
from sagesse.engines.objects import _index, _multipart
from sagesse.engines.objects._bucket import BucketCache
from sagesse.engines.objects._tell import Teller
from sagesse.engines.objects.base import Bucket, Versioning
from sagesse.engines.objects.error import (
    bucket_already_exists,
    bucket_already_owned,
    bucket_not_empty,
    locks_need_versions,
    versions_are_locked,
)

T = TypeVar("T")


class LocalBuckets:
    """The part of `LocalObjectStore` that needs nothing but the index.

    Args:
        database: the index.
        clock: the time.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._teller = Teller(database)
        self._buckets = BucketCache(database)

    @property
    def outbox(self) -> Outbox:
        """See `ObjectStore.outbox`."""
        return self._teller.outbox

    async def create_bucket(self, bucket: Bucket) -> None:
        """See `ObjectStore.create_bucket`."""

        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute("SELECT account FROM bucket WHERE name=?", (bucket.name,)).fetchone()
            if row is not None:
                is_own = row[0] == bucket.account
                raise bucket_already_owned(bucket.name) if is_own else bucket_already_exists(bucket.name)
            _index.save_bucket(connection, bucket)

        await self._write(work)

    async def bucket(self, name: str) -> Bucket:
        """See `ObjectStore.bucket`."""
        return self._buckets.find(name)

    def find_bucket(self, name: str) -> Bucket | None:
        """See `ObjectStore.find_bucket`."""
        try:
            return self._buckets.find(name)
        except ServiceError:
            return None

    async def buckets(self, account: str, *, prefix: str = "", after: str = "", limit: int) -> list[Bucket]:
        """See `ObjectStore.buckets`."""
        rows = self._database.reader.execute(
            "SELECT record FROM bucket WHERE account=? AND name > ? AND substr(name, 1, ?) = ? ORDER BY name LIMIT ?",
            (account, after, len(prefix), prefix, limit),
        )
        return [msgspec.msgpack.decode(row[0], type=Bucket) for row in rows]

    async def buckets_with(self, setting: str) -> list[Bucket]:
        """See `ObjectStore.buckets_with`."""
        rows = self._database.reader.execute("SELECT record FROM bucket ORDER BY name")
        buckets = (msgspec.msgpack.decode(row[0], type=Bucket) for row in rows)
        return [bucket for bucket in buckets if setting in bucket.settings]

    async def tag_bucket(self, name: str, tags: dict[str, str]) -> None:
        """See `ObjectStore.tag_bucket`."""
        await self._amend_bucket(name, lambda bucket: msgspec.structs.replace(bucket, tags=tags))

    async def version_bucket(self, name: str, versioning: Versioning) -> None:
        """See `ObjectStore.version_bucket`."""

        def change(bucket: Bucket) -> Bucket:
            if bucket.has_lock and versioning != "Enabled":
                raise versions_are_locked()
            return msgspec.structs.replace(bucket, versioning=versioning)

        await self._amend_bucket(name, change)

    async def lock_bucket(self, name: str) -> None:
        """See `ObjectStore.lock_bucket`."""

        def change(bucket: Bucket) -> Bucket:
            if bucket.versioning != "Enabled":
                raise locks_need_versions()
            return msgspec.structs.replace(bucket, has_lock=True)

        await self._amend_bucket(name, change)

    async def configure_bucket(self, name: str, setting: str, value: Any) -> None:
        """See `ObjectStore.configure_bucket`."""

        def change(bucket: Bucket) -> Bucket:
            settings = {key: kept for key, kept in bucket.settings.items() if key != setting}
            if value is not None:
                settings[setting] = value
            return msgspec.structs.replace(bucket, settings=settings)

        await self._amend_bucket(name, change)

    async def delete_bucket(self, name: str) -> None:
        """See `ObjectStore.delete_bucket`."""
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> None:
            _index.find_bucket(connection, name)
            if connection.execute("SELECT 1 FROM object WHERE bucket=? LIMIT 1", (name,)).fetchone():
                raise bucket_not_empty(name)
            if connection.execute("SELECT 1 FROM version WHERE bucket=? LIMIT 1", (name,)).fetchone():
                raise bucket_not_empty(name, has_versions=True)
            for upload in _multipart.list_uploads(connection, name):
                _multipart.remove_upload(connection, upload, now)
            connection.execute("DELETE FROM bucket WHERE name=?", (name,))

        await self._write(work, after=lambda: self._buckets.forget(name))

    async def _amend_bucket(self, name: str, change: Callable[[Bucket], Bucket]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            _index.save_bucket(connection, change(_index.find_bucket(connection, name)))

        await self._write(work, after=lambda: self._buckets.forget(name))

    async def _write(
        self,
        work: Callable[[sqlite3.Connection], T],
        *,
        undo: Callable[[], object] | None = None,
        after: Callable[[], object] | None = None,
    ) -> T:
        """Commit `work`, then run `undo` if it failed, `after` if not; even when the caller was cancelled meanwhile."""

        def settle(is_kept: bool) -> None:
            then = after if is_kept else undo
            if then is not None:
                then()

        settled = None if undo is None and after is None else settle
        return await self._database.write_async(work, settled=settled)
