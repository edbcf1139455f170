"""What the checks do with a store, a line each."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

from sagesse.core.body import BytesUpload, FileSlice, Payload, Stream, read_slice
from sagesse.core.error import ServiceError
from sagesse.engines.objects.base import (
    Address,
    Algorithm,
    Attributes,
    Bucket,
    ChecksumKind,
    ChosenPart,
    Condition,
    Expectation,
    ListQuery,
    ObjectInfo,
    ObjectStore,
    Page,
    PartEntry,
    UploadInfo,
)

BUCKET = "a-bucket"
ACCOUNT = "111122223333"
LARGE = 300_000

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    return asyncio.run(work)


async def collect(payload: Payload) -> bytes:
    """All bytes of a payload."""
    match payload:
        case bytes():
            return payload
        case FileSlice():
            return b"".join(read_slice(payload))
        case Stream():
            return b"".join([chunk async for chunk in payload.chunks])


def refusal(work: Coroutine[Any, Any, Any]) -> ServiceError:
    """The error that `work` ends with."""
    try:
        asyncio.run(work)
    except ServiceError as error:
        return error
    raise AssertionError("it was not refused")


def new_bucket(store: ObjectStore, name: str = BUCKET) -> None:
    """Create a bucket."""
    run(store.create_bucket(Bucket(name=name, account=ACCOUNT, region="us-east-1", created=1.0)))


def put(
    store: ObjectStore,
    key: str,
    data: bytes,
    *,
    expect: Expectation | None = None,
    condition: Condition | None = None,
    attributes: Attributes | None = None,
) -> ObjectInfo:
    """Store an object."""
    return run(
        store.put(
            Address(BUCKET, key),
            BytesUpload(data),
            attributes or Attributes(),
            expect=expect or Expectation(),
            condition=condition or Condition(),
        )
    )


def read(store: ObjectStore, key: str, offset: int = 0, size_bytes: int | None = None) -> bytes:
    """The bytes of an object, or of a slice of it."""

    async def work() -> bytes:
        found = await store.get(Address(BUCKET, key))
        size = found.info.size_bytes - offset if size_bytes is None else size_bytes
        return await collect(found.read(offset, size))

    return run(work())


def page(store: ObjectStore, **query: Any) -> Page:
    """A page of the bucket."""
    return run(store.page(BUCKET, ListQuery(**query)))


def keys(listed: Page) -> list[str]:
    """The keys of a page."""
    return [entry.key for entry in listed.objects]


def new_upload(
    store: ObjectStore, key: str = "k", algorithm: Algorithm = "CRC64NVME", kind: ChecksumKind = "FULL_OBJECT"
) -> UploadInfo:
    """Begin a multipart upload."""
    upload = UploadInfo(
        bucket=BUCKET,
        key=key,
        id=os.urandom(8).hex(),
        account=ACCOUNT,
        created=1.0,
        attributes=Attributes(metadata={"made": "of parts"}),
        algorithm=algorithm,
        kind=kind,
        is_declared=False,
    )
    run(store.create_upload(upload))
    return upload


def put_part(store: ObjectStore, upload: UploadInfo, number: int, data: bytes) -> PartEntry:
    """Upload a part."""
    return run(store.put_part(upload, number, BytesUpload(data), Expectation()))


def complete(
    store: ObjectStore, upload: UploadInfo, *parts: PartEntry, condition: Condition | None = None
) -> ObjectInfo:
    """Complete an upload with these parts."""
    return run(completion(store, upload, *parts, condition=condition))


async def completion(
    store: ObjectStore, upload: UploadInfo, *parts: PartEntry, condition: Condition | None = None
) -> ObjectInfo:
    """As `complete`, to be awaited."""
    chosen = [ChosenPart(part.number, part.etag, {}) for part in parts]
    return await store.complete(
        upload, chosen, checksum=None, size_bytes=None, condition=condition or Condition()
    )


def part_of(number: int, size_bytes: int = LARGE) -> bytes:
    """Bytes that tell parts apart."""
    return bytes([number]) * size_bytes
