"""`ObjectStore` on this machine: the index in SQLite, small objects inside it, larger ones in files.

A large object is in its file, and the file and its folder on disk, before the row that names it is committed; a small
one is in the same transaction as its row, and concurrent writes share one sync. One process opens a folder at a time.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from sagesse.core.body import Upload
from sagesse.core.clock import Clock, SystemClock
from sagesse.core.damage import DamageBook
from sagesse.core.error import ServiceError
from sagesse.core.folder import make_folder
from sagesse.core.sqlite import Database
from sagesse.engines.objects import _index, _multipart
from sagesse.engines.objects._blob import BlobFolder
from sagesse.engines.objects._blob_store import BlobStore, BlobWriter
from sagesse.engines.objects._damage import Inspector
from sagesse.engines.objects._history import require_object
from sagesse.engines.objects._listing import list_page
from sagesse.engines.objects._local_bucket import LocalBuckets
from sagesse.engines.objects._read import Reader, Stored, cut
from sagesse.engines.objects._receive import Received, Receiver
from sagesse.engines.objects._schema import SCHEMA, Details, Row, Segment, upgrade
from sagesse.engines.objects._seal_writer import SealingWriter
from sagesse.engines.objects._sweep import Sweeper
from sagesse.engines.objects._version_listing import list_versions
from sagesse.engines.objects._write import delete_many, save_object
from sagesse.engines.objects.base import (
    NULL_VERSION,
    Address,
    Algorithm,
    Attributes,
    Checksum,
    ChosenPart,
    Condition,
    Deleted,
    Deletion,
    Expectation,
    ListQuery,
    Lock,
    ObjectInfo,
    Page,
    PartEntry,
    StoredObject,
    Tell,
    UploadInfo,
    VersionPage,
)
from sagesse.engines.objects.error import (
    ObjectDamaged,
    no_such_key,
    object_locked,
)
from sagesse.engines.objects.reserve import Reserve
from sagesse.engines.objects.seal import sealed_size

INLINE_BYTES = 64 << 10
MIN_PART_BYTES = 5 << 20
_LOG_BYTES = 4 << 20  # of the index between two checkpoints

T = TypeVar("T")


class StoreInUse(Exception):  # noqa: N818 - reads as the fact it states
    """Another process has the folder open."""


class LocalObjectStore(LocalBuckets):
    """See `ObjectStore`.

    Args:
        folder: the index and the files; created if missing.
        durable: False skips fsync (``--ephemeral``).
        clock: the time of objects and of the sweeper.
        grace_s: how long a replaced file stays for readers that were just told its path.
        inline_bytes: objects up to this size live in the index.
        min_part_bytes: the least size of a part that is not the last.
        blobs: where larger objects live; files in the folder unless given. The store closes it.
        damage: keeps what is found damaged; a file of the folder unless given.

    Raises:
        StoreInUse: another process has the folder open.
    """

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = True,
        clock: Clock | None = None,
        grace_s: float = 60,
        inline_bytes: int = INLINE_BYTES,
        min_part_bytes: int = MIN_PART_BYTES,
        blobs: BlobStore | None = None,
        damage: DamageBook | None = None,
    ) -> None:
        make_folder(folder, durable=durable)
        self._lock = _lock(folder)
        self.damage = damage or DamageBook(folder / "damage.json")
        self._inspector = Inspector(self.damage)
        self._reserve = Reserve(folder)
        database = Database(folder / "index.db", SCHEMA, durable=durable, log_bytes=_LOG_BYTES)
        database.write(upgrade)
        super().__init__(database, clock or SystemClock())
        self._inline_bytes = inline_bytes
        self._min_part_bytes = min_part_bytes
        self._blobs = blobs or BlobFolder(folder / "blobs", durable=durable)
        self._threads = ThreadPoolExecutor(self._blobs.threads, thread_name_prefix="object")
        self._layouts: dict[str, _multipart.Layout] = {}
        self._sweeper = Sweeper(
            self._database, self._blobs, clock=self._clock, grace_s=grace_s, reserve=self._reserve
        )
        self._reader = Reader(self._blobs, self._sweeper, self._threads, self._inspector)
        self._sweeper.start()

    # Objects

    async def put(
        self,
        address: Address,
        upload: Upload,
        attributes: Attributes,
        *,
        expect: Expectation,
        condition: Condition,
        key: bytes | None = None,
        tell: Tell | None = None,
    ) -> ObjectInfo:
        """See `ObjectStore.put`."""
        _check_key(attributes, key)
        self._reserve.require()
        self._buckets.find(address.bucket)
        blob = self._blobs.new_id()
        receiver = Receiver(self._threads, lambda: self._writer(blob, key), inline_bytes=self._inline_bytes)
        received = await receiver.receive(upload, expect)
        received.seal(attributes.seal, key)
        info = self._new_info(address, received, attributes)

        def work(connection: sqlite3.Connection) -> ObjectInfo:
            segments: tuple[Segment, ...] = ()
            if received.data is None:
                segments = (Segment(blob, 0, received.size_bytes),)
                _index.hold_new(connection, blob)
            saved = save_object(
                connection,
                info,
                segments=segments,
                data=received.data,
                condition=condition,
                now=self._clock.now(),
            )
            return self._teller.stored(connection, tell, saved)

        return await self._write(work, undo=lambda: self._blobs.abandon(blob))

    async def get(self, address: Address, version: str | None = None) -> StoredObject:
        """See `ObjectStore.get`."""
        try:
            return Stored(require_object(self._database.reader, address, version), self._reader)
        except ObjectDamaged as error:
            self._inspector.note(error)
            raise

    def find_object(self, address: Address, version: str | None = None) -> ObjectInfo | None:
        """See `ObjectStore.find_object`."""
        try:
            return require_object(self._database.reader, address, version).info
        except ServiceError:
            return None

    async def page(self, bucket: str, query: ListQuery) -> Page:
        """See `ObjectStore.page`."""

        def work() -> Page:
            _index.find_bucket(self._database.reader, bucket)
            return list_page(self._database.reader, bucket, query)

        return await asyncio.to_thread(work)

    async def versions(self, bucket: str, query: ListQuery) -> VersionPage:
        """See `ObjectStore.versions`."""

        def work() -> VersionPage:
            _index.find_bucket(self._database.reader, bucket)
            return list_versions(self._database.reader, bucket, query)

        return await asyncio.to_thread(work)

    async def delete(
        self, bucket: str, deletions: Sequence[Deletion], *, tell: Tell | None = None
    ) -> list[Deleted | ServiceError]:
        """See `ObjectStore.delete`."""
        now, wanted = self._clock.now(), list(deletions)

        def work(connection: sqlite3.Connection) -> list[Deleted | ServiceError]:
            outcomes = delete_many(connection, bucket, wanted, now)
            return self._teller.deleted(connection, tell, wanted, outcomes)

        return await self._reserve.spend(lambda: self._write(work))

    async def copy(
        self,
        source: StoredObject,
        address: Address,
        attributes: Attributes,
        *,
        algorithm: Algorithm | None,
        condition: Condition,
        tell: Tell | None = None,
    ) -> ObjectInfo:
        """See `ObjectStore.copy`. Large objects share their file, so this costs one row."""
        row = self._own(source)
        self._reserve.require()
        self._reader.check(row)
        if attributes.seal != row.info.attributes.seal:
            raise TypeError("a copy shares its source's bytes, so it has the same seal")
        checksum = row.info.checksum
        if algorithm is not None and (checksum is None or checksum.algorithm != algorithm):
            digest = await self._reader.digest(row, 0, row.info.size_bytes, algorithm)
            checksum = Checksum(algorithm, digest.checksums[algorithm])
        now = self._clock.now()
        info = msgspec.structs.replace(
            row.info,
            bucket=address.bucket,
            key=address.key,
            version=NULL_VERSION,
            modified=float(int(now)),
            checksum=checksum,
            attributes=attributes,
        )

        def work(connection: sqlite3.Connection) -> ObjectInfo:
            if not _index.hold(connection, row.segments):
                raise no_such_key(row.info.key)
            saved = save_object(
                connection, info, segments=row.segments, data=row.data, condition=condition, now=now
            )
            return self._teller.stored(connection, tell, saved)

        return await self._write(work)

    async def tag(
        self,
        address: Address,
        tags: dict[str, str],
        version: str | None = None,
        *,
        tell: Tell | None = None,
    ) -> ObjectInfo:
        """See `ObjectStore.tag`."""
        return await self._amend(address, version, lambda old: msgspec.structs.replace(old, tags=tags), tell)

    async def list_access(
        self, address: Address, acl: str, version: str | None = None, *, tell: Tell | None = None
    ) -> ObjectInfo:
        """See `ObjectStore.list_access`."""
        return await self._amend(address, version, lambda old: msgspec.structs.replace(old, acl=acl), tell)

    async def retain(
        self,
        address: Address,
        retention: Lock,
        *,
        version: str | None = None,
        bypasses_governance: bool = False,
        tell: Tell | None = None,
    ) -> ObjectInfo:
        """See `ObjectStore.retain`."""
        now = self._clock.now()

        def change(old: Attributes) -> Attributes:
            lock = (old.lock or Lock()).retained(retention, now, bypasses_governance=bypasses_governance)
            if lock is None:
                raise object_locked()
            return msgspec.structs.replace(old, lock=lock)

        return await self._amend(address, version, change, tell)

    async def hold(self, address: Address, has_hold: bool, *, version: str | None = None) -> ObjectInfo:
        """See `ObjectStore.hold`."""

        def change(old: Attributes) -> Attributes:
            lock = msgspec.structs.replace(old.lock or Lock(), has_legal_hold=has_hold)
            return msgspec.structs.replace(old, lock=lock)

        return await self._amend(address, version, change)

    # Multipart uploads

    async def create_upload(self, upload: UploadInfo) -> None:
        """See `ObjectStore.create_upload`."""
        layout = _multipart.Layout(self._blobs.new_id())

        def work(connection: sqlite3.Connection) -> None:
            _index.find_bucket(connection, upload.bucket)
            _multipart.insert_upload(connection, upload, layout.blob)

        if self._blobs.has_slots:
            self._layouts[upload.id] = layout
        await self._write(work, undo=lambda: self._layouts.pop(upload.id, None))

    async def upload(self, address: Address, upload_id: str) -> UploadInfo:
        """See `ObjectStore.upload`."""
        _index.find_bucket(self._database.reader, address.bucket)
        return _multipart.find_upload(self._database.reader, address, upload_id)

    async def uploads(self, bucket: str) -> list[UploadInfo]:
        """See `ObjectStore.uploads`."""
        _index.find_bucket(self._database.reader, bucket)
        return _multipart.list_uploads(self._database.reader, bucket)

    async def put_part(
        self,
        upload: UploadInfo,
        number: int,
        payload: Upload,
        expect: Expectation,
        *,
        key: bytes | None = None,
    ) -> PartEntry:
        """See `ObjectStore.put_part`."""
        _check_key(upload.attributes, key)
        self._reserve.require()
        layout = self._layouts.get(upload.id)  # none after a restart: parts then get files of their own
        size = (
            payload.size_bytes if key is None or not payload.size_bytes else sealed_size(payload.size_bytes)
        )
        offset = layout.claim(number, size) if layout else None
        blob = layout.blob if layout and offset is not None else self._blobs.new_id()
        receiver = Receiver(self._threads, lambda: self._writer(blob, key, offset=offset), inline_bytes=-1)
        expect = msgspec.structs.replace(expect, algorithm=upload.algorithm)
        received = await receiver.receive(payload, expect)
        received.seal(upload.attributes.seal, key)
        part = self._new_part(number, received.size_bytes, received.etag, received.checksums)
        segments = (Segment(blob, offset or 0, received.size_bytes),)
        await self._write(
            lambda connection: _multipart.save_part(connection, upload, part, segments=segments, is_new=True),
            undo=(lambda: self._blobs.abandon(blob)) if offset is None else _nothing,
        )
        return part

    async def copy_part(
        self, upload: UploadInfo, number: int, source: StoredObject, offset: int, size_bytes: int
    ) -> PartEntry:
        """See `ObjectStore.copy_part`. A slice of a file is shared, only its digests are computed."""
        row = self._own(source)
        if row.info.attributes.seal is not None or upload.attributes.seal is not None:
            raise TypeError("what is sealed must be opened and put as a part of its own")
        if not row.segments:
            payload = _SliceUpload(row.data[offset : offset + size_bytes])
            return await self.put_part(upload, number, payload, Expectation())
        digest = await self._reader.digest(row, offset, size_bytes, upload.algorithm)
        part = self._new_part(number, size_bytes, digest.md5.hex(), digest.checksums)
        segments = tuple(cut(row.segments, offset, size_bytes))
        is_kept = await self._write(
            lambda connection: _multipart.save_part(connection, upload, part, segments=segments, is_new=False)
        )
        if not is_kept:
            raise no_such_key(row.info.key)
        return part

    async def parts(self, upload: UploadInfo) -> list[PartEntry]:
        """See `ObjectStore.parts`."""
        return _multipart.list_parts(self._database.reader, upload.id)

    async def complete(
        self,
        upload: UploadInfo,
        chosen: Sequence[ChosenPart],
        *,
        checksum: str | None,
        size_bytes: int | None,
        condition: Condition,
        tell: Tell | None = None,
    ) -> ObjectInfo:
        """See `ObjectStore.complete`."""
        finish = _multipart.Finish(
            chosen=chosen,
            checksum=checksum,
            size_bytes=size_bytes,
            condition=condition,
            min_part_bytes=self._min_part_bytes,
            now=self._clock.now(),
        )

        def work(connection: sqlite3.Connection) -> ObjectInfo:
            made = _multipart.complete_upload(connection, upload, finish)
            return self._teller.stored(connection, tell, made)

        info = await self._write(work)
        self._layouts.pop(upload.id, None)
        return info

    async def completed(self, address: Address, upload_id: str) -> ObjectInfo:
        """See `ObjectStore.completed`."""
        return _multipart.find_completed(self._database.reader, address, upload_id)

    async def abort(self, upload: UploadInfo) -> None:
        """See `ObjectStore.abort`."""
        now = self._clock.now()
        await self._reserve.spend(
            lambda: self._write(lambda connection: _multipart.remove_upload(connection, upload, now))
        )
        self._layouts.pop(upload.id, None)

    # The store itself

    async def wipe(self) -> None:
        """See `ObjectStore.wipe`. The files go a little later."""

        def work(connection: sqlite3.Connection) -> None:
            for table in (
                "bucket",
                "object",
                "version",
                "body",
                "blob",
                "upload",
                "part",
                "completed",
                "epoch",
                "outbox",
            ):
                connection.execute(f"DELETE FROM {table}")

        self._blobs.begin_epoch()
        await self._write(work, after=self._buckets.forget_all)
        self._layouts.clear()
        self.damage.forget()

    def sweep(self) -> None:
        """Remove files nothing refers to now, instead of in a while."""
        self._sweeper.sweep()

    def close(self) -> None:
        """See `ObjectStore.close`."""
        self._sweeper.close()
        self._threads.shutdown()
        self._blobs.close()
        self._database.close()
        os.close(self._lock)

    async def _amend(
        self,
        address: Address,
        version: str | None,
        change: Callable[[Attributes], Attributes],
        tell: Tell | None = None,
    ) -> ObjectInfo:
        def work(connection: sqlite3.Connection) -> ObjectInfo:
            row = require_object(connection, address, version)
            attributes = change(row.info.attributes)
            details = Details(attributes=attributes, parts=row.info.parts, segments=row.segments)
            _index.amend_details(connection, row, details)
            info = msgspec.structs.replace(row.info, attributes=attributes)
            return self._teller.stored(connection, tell, info)

        return await self._write(work)

    def _new_info(self, address: Address, received: Received, attributes: Attributes) -> ObjectInfo:
        return ObjectInfo(
            bucket=address.bucket,
            key=address.key,
            version=NULL_VERSION,
            size_bytes=received.size_bytes,
            etag=received.etag,
            modified=float(int(self._clock.now())),
            checksum=received.checksum,
            attributes=attributes,
        )

    def _new_part(
        self, number: int, size_bytes: int, etag: str, checksums: dict[Algorithm, str]
    ) -> PartEntry:
        modified = float(int(self._clock.now()))
        return PartEntry(
            number=number, size_bytes=size_bytes, etag=etag, modified=modified, checksums=checksums
        )

    def _writer(self, blob: str, key: bytes | None, *, offset: int | None = None) -> BlobWriter:
        writer = self._blobs.writer(blob, offset=offset)
        return writer if key is None else SealingWriter(writer, key)

    def _own(self, source: StoredObject) -> Row:
        if not isinstance(source, Stored):
            raise TypeError(f"an object of another store: {source!r}")
        return source.row


class _SliceUpload:
    """A few bytes as an upload of unannounced size: they need no slot."""

    size_bytes: int | None = None

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.trailers: dict[str, str] = {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._data


def _lock(folder: Path) -> int:
    """Keep other processes from opening the folder, whose sweeper would take our files for a crash's.

    A record lock ends with the process, also when it is killed, and is not inherited by its children.
    """
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise StoreInUse(f"{folder} is open in another process") from None
    return file


def _check_key(attributes: Attributes, key: bytes | None) -> None:
    """What is said to be sealed is, and nothing else."""
    if (attributes.seal is None) != (key is None):
        raise TypeError("a seal needs a key, and a key a seal")


def _nothing() -> None:
    """A slot of a shared file has nothing to undo."""
