"""`ObjectStore`: buckets, objects and multipart uploads, as the S3 service needs them.

A store knows nothing of requests, permissions or headers; it keeps bytes, names, digests and what the client
asked to be remembered. Whatever a method acknowledges is on disk and survives the death of the process.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from sagesse.core.body import Payload, Upload
from sagesse.core.error import ServiceError
from sagesse.core.event import Message
from sagesse.core.outbox import Outbox
from sagesse.engines.objects.seal import Seal

Algorithm: TypeAlias = Literal["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5"]
ChecksumKind: TypeAlias = Literal["FULL_OBJECT", "COMPOSITE"]

ALGORITHMS: tuple[Algorithm, ...] = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256", "SHA512", "MD5")
NULL_VERSION = "null"


LockMode: TypeAlias = Literal["", "GOVERNANCE", "COMPLIANCE"]
Versioning: TypeAlias = Literal["", "Enabled", "Suspended"]


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket; names are unique over all accounts.

    Args:
        versioning: empty until it is enabled for the first time, never empty afterwards.
        has_lock: versions may be locked against deletion; implies enabled versioning.
        settings: what the service keeps of a bucket's configuration, by its name for it; plain msgpack values.
    """

    name: str
    account: str
    region: str
    created: float
    tags: dict[str, str] = {}
    versioning: Versioning = ""
    has_lock: bool = False
    settings: dict[str, Any] = {}


class Address(NamedTuple):
    """The name of an object."""

    bucket: str
    key: str


class Checksum(msgspec.Struct, frozen=True):
    """A checksum in base64; a composite one is over the parts' checksums and ends in ``-<parts>``."""

    algorithm: Algorithm
    value: str
    kind: ChecksumKind = "FULL_OBJECT"


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps a version from being deleted: a retention until a time, a legal hold until it is taken off.

    `has_legal_hold` is None until the first hold.
    """

    mode: LockMode = ""
    until: float = 0.0
    has_legal_hold: bool | None = None

    def forbids_deletion(self, now: float, *, bypasses_governance: bool) -> bool:
        """Whether the version must stay."""
        is_retained = self.until > now and not (self.mode == "GOVERNANCE" and bypasses_governance)
        return bool(self.has_legal_hold) or is_retained

    def retained(self, retention: "Lock", now: float, *, bypasses_governance: bool) -> "Lock | None":
        """This lock with another retention; None: the one in force must not be shortened or exchanged."""
        is_longer = retention.mode == self.mode and retention.until >= self.until
        is_free = self.until <= now or (self.mode == "GOVERNANCE" and bypasses_governance)
        if not is_free and not is_longer:
            return None
        return Lock(mode=retention.mode, until=retention.until, has_legal_hold=self.has_legal_hold)


STANDARD = "STANDARD"  # the storage class of an object whose headers name none


class Attributes(msgspec.Struct, frozen=True, kw_only=True):
    """What the client asked to be remembered: response headers by member name, user metadata, tags, a lock.

    With a `seal` the bytes are kept sealed; whoever writes or reads them then brings the key.
    """

    seal: Seal | None = None
    headers: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    lock: Lock | None = None
    acl: str = ""  # the service's own words


class PartEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a multipart upload, or of the object made of it."""

    number: int
    size_bytes: int
    etag: str
    modified: float
    checksums: dict[Algorithm, str] = {}


class ObjectEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An object as a listing shows it; `etag` without quotes."""

    key: str
    version: str
    size_bytes: int
    etag: str
    modified: float
    checksum: Checksum | None


class ListedObject(ObjectEntry, frozen=True, kw_only=True):
    """An object on a page; its storage class is what its headers say under `StorageClass`."""

    storage_class: str = STANDARD


class ObjectInfo(ObjectEntry, frozen=True, kw_only=True):
    """All that is known of an object but its bytes."""

    bucket: str
    attributes: Attributes
    parts: tuple[PartEntry, ...] = ()


class VersionEntry(ListedObject, frozen=True, kw_only=True):
    """A version as a listing shows it; a delete marker has neither bytes nor etag. `mark` is for `after_version`."""

    is_latest: bool
    is_marker: bool
    mark: str


class StoredObject(Protocol):
    """An object as it was at one moment, whatever happens to its name afterwards."""

    @property
    def info(self) -> ObjectInfo:
        """What is known of it."""
        ...

    def read(self, offset: int, size_bytes: int) -> Payload:
        """A slice of its bytes, within its size; to be sent soon (a replaced file goes after a grace period)."""
        ...

    async def unseal(self, offset: int, size_bytes: int, key: bytes) -> Payload:
        """The same of an object with a seal, which `key` opens.

        Raises:
            SealBroken: the first bytes were changed where they are kept; a stream raises it when it comes to such.
        """
        ...


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What the payload must be: refused before anything is visible when it is not.

    Args:
        content_md5: base64.
        checksum: algorithm and base64 value from the headers; a trailer ``x-amz-checksum-*`` counts as well.
        algorithm: the checksum to keep when none is given to verify; None keeps CRC64NVME.
    """

    content_md5: str | None = None
    checksum: tuple[Algorithm, str] | None = None
    algorithm: Algorithm | None = None


class Condition(msgspec.Struct, frozen=True):
    """What must hold of the object now under the name: `if_none_match` only as ``*``; etags without quotes."""

    if_match: str | None = None
    if_none_match: str | None = None


class ListQuery(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a listing. `after` is exclusive; `after_group` skips a whole common prefix instead.

    `after_version` is for versions: only those of the key `after` that come behind it are skipped.
    """

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    after_version: str = ""
    after_group: str = ""
    limit: int = 1000


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Objects and common prefixes in one order (UTF-8 bytes); `last` and `last_is_group` go on from here."""

    objects: list[ListedObject]
    groups: list[str]
    is_truncated: bool
    last: str = ""
    last_is_group: bool = False


class VersionPage(msgspec.Struct, frozen=True, kw_only=True):
    """As `Page`; versions of one key from the newest to the oldest. `last_version` goes on within a key."""

    versions: list[VersionEntry]
    groups: list[str]
    is_truncated: bool
    last: str = ""
    last_version: str = ""


class UploadInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A multipart upload in progress. `is_declared`: the client chose the checksum algorithm itself."""

    bucket: str
    key: str
    id: str
    account: str
    created: float
    attributes: Attributes
    algorithm: Algorithm
    kind: ChecksumKind
    is_declared: bool


class ChosenPart(NamedTuple):
    """A part as the client lists it at completion: etag without quotes, checksums by algorithm."""

    number: int
    etag: str
    checksums: dict[Algorithm, str]


class Deletion(NamedTuple):
    """An object to delete, only while its etag is still `if_match` (``*``: any) and its time `if_modified` when given.

    Without a version, a bucket with versions gets a delete marker instead. `if_past`: only while the version is not
    what the name shows.
    """

    key: str
    if_match: str | None = None
    version: str | None = None
    if_modified: float | None = None
    if_past: bool = False
    bypasses_governance: bool = False


class Deleted(NamedTuple):
    """The version that was removed, or the delete marker that was added; `is_marker`: it was or is one.

    `is_change` is false where there was nothing to delete.
    """

    version: str | None = None
    is_marker: bool = False
    is_change: bool = True


class Change(NamedTuple):
    """What a write did under a name.

    Args:
        key: the name.
        sequence: larger than that of every change before it.
        info: the object as it is now; None when it was deleted.
        version: of what was removed, or of the delete marker that was added; None without versions.
        is_new_marker: a delete marker was added.
    """

    key: str
    sequence: int
    info: ObjectInfo | None = None
    version: str | None = None
    is_new_marker: bool = False


Tell: TypeAlias = Callable[[Change], Sequence[Message]]
"""Makes the messages that tell of a change; called inside its transaction, so it must be quick and must not fail."""


class ObjectStore(Protocol):
    """Keeps buckets and objects. All methods are for the event loop's thread.

    Where a write takes `tell`, the messages it makes go to the outbox together with the write, or not at all.

    Errors are `ServiceError`s with S3's codes: NoSuchBucket, NoSuchKey, NoSuchUpload, PreconditionFailed, ...
    """

    @property
    def outbox(self) -> Outbox:
        """What `tell` made, in the order of the writes."""
        ...

    async def create_bucket(self, bucket: Bucket) -> None:
        """Create it.

        Raises:
            ServiceError: BucketAlreadyExists, or BucketAlreadyOwnedByYou for the same account.
        """
        ...

    async def bucket(self, name: str) -> Bucket:
        """The bucket, or NoSuchBucket."""
        ...

    def find_bucket(self, name: str) -> Bucket | None:
        """The bucket, or None: at once, because permissions are checked in no time."""
        ...

    async def buckets(self, account: str, *, prefix: str = "", after: str = "", limit: int) -> list[Bucket]:
        """An account's buckets by name."""
        ...

    async def buckets_with(self, setting: str) -> list[Bucket]:
        """The buckets of all accounts that have this setting, by name."""
        ...

    async def tag_bucket(self, name: str, tags: dict[str, str]) -> None:
        """Replace its tags."""
        ...

    async def version_bucket(self, name: str, versioning: Versioning) -> None:
        """Enable or suspend versions; InvalidBucketState when locks need them."""
        ...

    async def lock_bucket(self, name: str) -> None:
        """Have the bucket take locks, for good; InvalidBucketState unless versions are enabled."""
        ...

    async def configure_bucket(self, name: str, setting: str, value: Any) -> None:
        """Keep a setting of a bucket, or drop it with None; nothing else about the bucket changes."""
        ...

    async def delete_bucket(self, name: str) -> None:
        """Delete it with its uploads in progress; BucketNotEmpty while it holds an object, a version or a marker."""
        ...

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
        """Store the payload under the name: wholly or not at all, seen by nobody before it is whole.

        `key` goes with `attributes.seal`; with it the etag is no digest of the bytes when the seal hides that.
        """
        ...

    async def get(self, address: Address, version: str | None = None) -> StoredObject:
        """The object now under the name, or that version of it.

        Raises:
            ServiceError: NoSuchBucket, NoSuchKey, NoSuchVersion; MethodNotAllowed for a delete marker.
        """
        ...

    def find_object(self, address: Address, version: str | None = None) -> ObjectInfo | None:
        """What `get` finds, or None: at once, because permissions are checked in no time."""
        ...

    async def page(self, bucket: str, query: ListQuery) -> Page:
        """A page of objects in the order of their keys' UTF-8 bytes."""
        ...

    async def versions(self, bucket: str, query: ListQuery) -> VersionPage:
        """A page of versions and delete markers, by key, then from the newest to the oldest."""
        ...

    async def delete(
        self, bucket: str, deletions: Sequence[Deletion], *, tell: Tell | None = None
    ) -> list[Deleted | ServiceError]:
        """Delete objects or versions at once, each for itself. A missing one counts as deleted.

        Per deletion: what was done, or AccessDenied (the version is locked), PreconditionFailed.
        """
        ...

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
        """Store the source's bytes under another name (or its own, with other attributes, but the same seal)."""
        ...

    async def tag(
        self,
        address: Address,
        tags: dict[str, str],
        version: str | None = None,
        *,
        tell: Tell | None = None,
    ) -> ObjectInfo:
        """Replace the tags of an object, or of that version of it; nothing else about it changes."""
        ...

    async def list_access(
        self, address: Address, acl: str, version: str | None = None, *, tell: Tell | None = None
    ) -> ObjectInfo:
        """Replace the `acl` of what `get` finds; nothing else about it changes."""
        ...

    async def retain(
        self,
        address: Address,
        retention: Lock,
        *,
        version: str | None = None,
        bypasses_governance: bool = False,
        tell: Tell | None = None,
    ) -> ObjectInfo:
        """Retain an object, or that version of it; AccessDenied where that would weaken the retention in force."""
        ...

    async def hold(self, address: Address, has_hold: bool, *, version: str | None = None) -> ObjectInfo:
        """Put a legal hold on an object, or on that version of it, or take it off."""
        ...

    async def create_upload(self, upload: UploadInfo) -> None:
        """Begin a multipart upload."""
        ...

    async def upload(self, address: Address, upload_id: str) -> UploadInfo:
        """The upload, or NoSuchUpload."""
        ...

    async def uploads(self, bucket: str) -> list[UploadInfo]:
        """A bucket's uploads in progress, by key, then by age."""
        ...

    async def put_part(
        self,
        upload: UploadInfo,
        number: int,
        payload: Upload,
        expect: Expectation,
        *,
        key: bytes | None = None,
    ) -> PartEntry:
        """Store a part; a part of that number is replaced. `key` goes with the seal of the upload's attributes."""
        ...

    async def copy_part(
        self, upload: UploadInfo, number: int, source: StoredObject, offset: int, size_bytes: int
    ) -> PartEntry:
        """Store a slice of an object as a part; neither it nor the upload has a seal."""
        ...

    async def parts(self, upload: UploadInfo) -> list[PartEntry]:
        """The parts so far, by number."""
        ...

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
        """Make the object of the chosen parts, atomically; the rest of the upload goes.

        Raises:
            ServiceError: InvalidPart, InvalidPartOrder, EntityTooSmall, BadDigest, PreconditionFailed; the upload
                stays as it was.
        """
        ...

    async def completed(self, address: Address, upload_id: str) -> ObjectInfo:
        """The object an upload was made into, for clients that did not hear the answer.

        Raises:
            ServiceError: NoSuchUpload; also when the object is another by now, or after a day.
        """
        ...

    async def abort(self, upload: UploadInfo) -> None:
        """Forget the upload and its parts."""
        ...

    async def wipe(self) -> None:
        """Remove everything; nothing else may be going on."""
        ...

    def close(self) -> None:
        """Finish what is queued and release the files."""
        ...
