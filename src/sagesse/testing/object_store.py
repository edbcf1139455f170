"""The conformance suite of `ObjectStore`: subclass `ObjectStoreSuite` and give it a `store` fixture.

`object_version.ObjectVersionSuite` is its second half. The store must take parts of any size (`min_part_bytes=0`) and
keep objects above 64 KiB as it keeps large ones.
"""

import asyncio
import base64
import contextlib
import hashlib
import os
import zlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from sagesse.core.body import BytesUpload, FileSlice, Payload, Stream, read_slice
from sagesse.core.error import ServiceError
from sagesse.core.event import Event, Message, new_event
from sagesse.core.scope import Scope
from sagesse.engines.objects.base import (
    Address,
    Algorithm,
    Attributes,
    Bucket,
    Change,
    ChecksumKind,
    ChosenPart,
    Condition,
    Deleted,
    Deletion,
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


class BucketChecks:
    """What every store does with buckets."""

    def test_a_bucket_is_found_by_its_name(self, store: ObjectStore) -> None:
        new_bucket(store)
        assert run(store.bucket(BUCKET)).account == ACCOUNT

    def test_a_missing_bucket_is_refused(self, store: ObjectStore) -> None:
        assert refusal(store.bucket("nowhere")).code == "NoSuchBucket"

    def test_a_bucket_is_created_once(self, store: ObjectStore) -> None:
        new_bucket(store)
        again = Bucket(name=BUCKET, account=ACCOUNT, region="us-east-1", created=2.0)
        assert refusal(store.create_bucket(again)).code == "BucketAlreadyOwnedByYou"

    def test_names_are_global(self, store: ObjectStore) -> None:
        new_bucket(store)
        other = Bucket(name=BUCKET, account="999900001111", region="us-east-1", created=2.0)
        assert refusal(store.create_bucket(other)).code == "BucketAlreadyExists"

    def test_buckets_are_listed_by_account_in_order(self, store: ObjectStore) -> None:
        for name in ("bbb", "aaa", "abc"):
            new_bucket(store, name)
        listed = run(store.buckets(ACCOUNT, prefix="a", after="aaa", limit=10))
        assert [bucket.name for bucket in listed] == ["abc"]
        assert run(store.buckets("999900001111", limit=10)) == []

    def test_a_bucket_with_an_object_is_not_deleted(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "k", b"x")
        assert refusal(store.delete_bucket(BUCKET)).code == "BucketNotEmpty"

    def test_an_empty_bucket_is_deleted_with_its_uploads(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        run(store.delete_bucket(BUCKET))
        new_bucket(store)
        assert refusal(store.upload(Address(BUCKET, "k"), upload.id)).code == "NoSuchUpload"

    def test_tags_of_a_bucket_are_replaced(self, store: ObjectStore) -> None:
        new_bucket(store)
        run(store.tag_bucket(BUCKET, {"a": "1"}))
        assert run(store.bucket(BUCKET)).tags == {"a": "1"}

    def test_settings_of_a_bucket_are_kept_one_by_one(self, store: ObjectStore) -> None:
        new_bucket(store)
        for setting, value in (("a", {"x": [1, "2"]}), ("b", "text"), ("b", None)):
            run(store.configure_bucket(BUCKET, setting, value))
        assert run(store.bucket(BUCKET)).settings == {"a": {"x": [1, "2"]}}
        assert [bucket.name for bucket in run(store.buckets_with("a"))] == [BUCKET]
        assert run(store.buckets_with("b")) == []
        assert refusal(store.configure_bucket("nowhere", "a", 1)).code == "NoSuchBucket"

    def test_a_bucket_created_again_has_nothing_of_the_one_deleted(self, store: ObjectStore) -> None:
        new_bucket(store)
        run(store.configure_bucket(BUCKET, "a", 1))
        assert run(store.bucket(BUCKET)).settings == {"a": 1}
        run(store.delete_bucket(BUCKET))
        new_bucket(store)
        assert run(store.bucket(BUCKET)).settings == {}


class ObjectChecks:
    """What every store does with objects."""

    def test_small_and_large_objects_come_back(self, store: ObjectStore) -> None:
        new_bucket(store)
        for size in (0, 1, 65_536, 65_537, 3_000_000):
            data = os.urandom(size)
            info = put(store, "k", data)
            assert read(store, "k") == data
            assert (info.etag, info.size_bytes) == (hashlib.md5(data).hexdigest(), size)

    def test_a_slice_is_a_slice(self, store: ObjectStore) -> None:
        new_bucket(store)
        for size in (1000, LARGE):
            data = os.urandom(size)
            put(store, "k", data)
            assert read(store, "k", 10, 500) == data[10:510]

    def test_attributes_are_remembered(self, store: ObjectStore) -> None:
        new_bucket(store)
        attributes = Attributes(headers={"ContentType": "a/b"}, metadata={"x": "ü"}, tags={"t": "1"})
        put(store, "k", b"x", attributes=attributes)
        assert run(store.get(Address(BUCKET, "k"))).info.attributes == attributes

    def test_a_missing_object_is_refused(self, store: ObjectStore) -> None:
        new_bucket(store)
        assert refusal(store.get(Address(BUCKET, "k"))).code == "NoSuchKey"
        assert refusal(store.get(Address("nowhere", "k"))).code == "NoSuchBucket"

    def test_an_object_read_before_it_is_replaced_keeps_its_bytes(self, store: ObjectStore) -> None:
        new_bucket(store)
        for size in (10, LARGE):
            put(store, "k", b"a" * size)
            found = run(store.get(Address(BUCKET, "k")))
            put(store, "k", b"b" * size)
            assert run(collect(found.read(0, size))) == b"a" * size

    def test_a_wrong_digest_leaves_what_was_there(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "k", b"before")
        wrong_md5 = base64.b64encode(bytes(16)).decode()
        wrong_crc = base64.b64encode(bytes(4)).decode()
        for data in (b"after", b"after" * LARGE):
            for expect in (Expectation(content_md5=wrong_md5), Expectation(checksum=("CRC32", wrong_crc))):
                work = store.put(
                    Address(BUCKET, "k"),
                    BytesUpload(data),
                    Attributes(),
                    expect=expect,
                    condition=Condition(),
                )
                assert refusal(work).code == "BadDigest"
        assert read(store, "k") == b"before"

    def test_a_wrong_trailer_is_refused_even_if_not_announced(self, store: ObjectStore) -> None:
        new_bucket(store)
        for size in (10, LARGE):
            upload = BytesUpload(b"x" * size)
            upload.trailers["x-amz-checksum-crc32"] = base64.b64encode(bytes(4)).decode()
            work = store.put(
                Address(BUCKET, "k"), upload, Attributes(), expect=Expectation(), condition=Condition()
            )
            assert refusal(work).code == "BadDigest"

    def test_the_checksum_asked_for_is_kept(self, store: ObjectStore) -> None:
        new_bucket(store)
        info = put(store, "k", b"hello", expect=Expectation(algorithm="CRC32"))
        value = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
        assert info.checksum is not None
        assert (info.checksum.algorithm, info.checksum.value) == ("CRC32", value)

    def test_if_none_match_creates_only(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "k", b"1", condition=Condition(if_none_match="*"))
        for size in (10, LARGE):
            work = store.put(
                Address(BUCKET, "k"),
                BytesUpload(b"2" * size),
                Attributes(),
                expect=Expectation(),
                condition=Condition(if_none_match="*"),
            )
            assert refusal(work).code == "PreconditionFailed"
        assert read(store, "k") == b"1"

    def test_if_match_replaces_only_what_was_seen(self, store: ObjectStore) -> None:
        new_bucket(store)
        first = put(store, "k", b"1")
        put(store, "k", b"2", condition=Condition(if_match=first.etag))
        work = store.delete(BUCKET, [Deletion("k", if_match=first.etag)])
        (error,) = run(work)
        assert isinstance(error, ServiceError)
        assert error.code == "PreconditionFailed"

    def test_deleting_is_for_good_and_may_be_repeated(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "a", b"1")
        put(store, "b", b"2" * LARGE)
        deletions = [Deletion("a"), Deletion("b"), Deletion("never")]
        assert run(store.delete(BUCKET, deletions)) == [Deleted(), Deleted(), Deleted(is_change=False)]
        assert page(store).objects == []
        assert run(store.delete(BUCKET, [Deletion("a")])) == [Deleted(is_change=False)]

    def test_a_write_and_what_it_tells_are_written_together(self, store: ObjectStore) -> None:
        """What is refused, or changes nothing, tells nothing; the sequence grows."""
        new_bucket(store)
        changes: list[Change] = []

        def tell(change: Change) -> list[Message]:
            changes.append(change)
            return [new_event("test", change.key, Scope(ACCOUNT, "us-east-1"), [], {}, now=1.0)]

        async def work() -> None:
            for condition in (Condition(), Condition(if_match="other")):
                with contextlib.suppress(ServiceError):
                    await store.put(
                        Address(BUCKET, "a"),
                        BytesUpload(b"1"),
                        Attributes(),
                        expect=Expectation(),
                        condition=condition,
                        tell=tell,
                    )
            await store.tag(Address(BUCKET, "a"), {"t": "1"}, tell=tell)
            await store.list_access(Address(BUCKET, "a"), "list", tell=tell)
            source, target = await store.get(Address(BUCKET, "a")), Address(BUCKET, "b")
            await store.copy(source, target, Attributes(), algorithm=None, condition=Condition(), tell=tell)
            await store.delete(BUCKET, [Deletion("a"), Deletion("a"), Deletion("never")], tell=tell)

        run(work())
        assert [change.key for change in changes] == ["a", "a", "a", "b", "a"]
        assert [change.info is None for change in changes] == [False, False, False, False, True]
        assert [change.sequence for change in changes] == sorted({change.sequence for change in changes})
        waiting = [packed.message for _, packed in store.outbox.waiting(100)]
        assert [message.detail_type for message in waiting if isinstance(message, Event)] == [
            change.key for change in changes
        ]

    def test_a_copy_lives_without_its_source(self, store: ObjectStore) -> None:
        new_bucket(store)
        for size in (10, LARGE):
            data = os.urandom(size)
            put(store, "k", data)

            async def work() -> None:
                source = await store.get(Address(BUCKET, "k"))
                target = Address(BUCKET, "copy")
                await store.copy(source, target, Attributes(), algorithm="SHA256", condition=Condition())
                await store.delete(BUCKET, [Deletion("k")])

            run(work())
            assert read(store, "copy") == data
            checksum = run(store.get(Address(BUCKET, "copy"))).info.checksum
            assert checksum is not None
            assert base64.b64decode(checksum.value) == hashlib.sha256(data).digest()

    def test_an_object_may_be_copied_onto_itself(self, store: ObjectStore) -> None:
        new_bucket(store)
        for size in (10, LARGE):
            put(store, "k", b"x" * size)

            async def work() -> None:
                source = await store.get(Address(BUCKET, "k"))
                attributes = Attributes(metadata={"n": "1"})
                await store.copy(
                    source, Address(BUCKET, "k"), attributes, algorithm=None, condition=Condition()
                )

            run(work())
            assert read(store, "k") == b"x" * size
            assert run(store.get(Address(BUCKET, "k"))).info.attributes.metadata == {"n": "1"}

    def test_tags_change_alone(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "k", b"x" * LARGE, attributes=Attributes(metadata={"m": "1"}))
        run(store.tag(Address(BUCKET, "k"), {"t": "2"}))
        attributes = run(store.get(Address(BUCKET, "k"))).info.attributes
        assert (attributes.metadata, attributes.tags) == ({"m": "1"}, {"t": "2"})
        assert read(store, "k") == b"x" * LARGE

    def test_an_access_list_changes_alone(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "k", b"x", attributes=Attributes(metadata={"m": "1"}, acl="a"))
        run(store.list_access(Address(BUCKET, "k"), "b"))
        attributes = run(store.get(Address(BUCKET, "k"))).info.attributes
        assert (attributes.metadata, attributes.acl) == ({"m": "1"}, "b")

    def test_what_is_there_is_found_at_once(self, store: ObjectStore) -> None:
        assert store.find_bucket(BUCKET) is None
        new_bucket(store)
        put(store, "k", b"x", attributes=Attributes(tags={"t": "1"}))
        bucket, info = store.find_bucket(BUCKET), store.find_object(Address(BUCKET, "k"))
        assert bucket is not None
        assert info is not None
        assert info.attributes.tags == {"t": "1"}
        assert store.find_object(Address(BUCKET, "missing")) is None

    def test_many_writers_of_one_key_leave_one_body_whole(self, store: ObjectStore) -> None:
        new_bucket(store)
        bodies = [part_of(number, 70_000 if number % 2 else 5_000) for number in range(64)]

        async def work() -> None:
            address = Address(BUCKET, "k")
            await asyncio.gather(
                *(
                    store.put(
                        address, BytesUpload(body), Attributes(), expect=Expectation(), condition=Condition()
                    )
                    for body in bodies
                )
            )

        run(work())
        assert read(store, "k") in bodies

    def test_wiping_leaves_nothing(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "k", b"x" * LARGE)
        run(store.wipe())
        assert refusal(store.bucket(BUCKET)).code == "NoSuchBucket"
        new_bucket(store)
        assert page(store).objects == []


class ListingChecks:
    """What every store lists."""

    def test_keys_are_in_the_order_of_their_bytes(self, store: ObjectStore) -> None:
        new_bucket(store)
        wanted = ["B", "a", "a b", "a/", "a/b", "ab", "é", "\ud7ff", "\ue000", "\uffff", "😀"]
        for key in reversed(wanted):
            put(store, key, b"")
        assert keys(page(store)) == sorted(wanted, key=lambda key: key.encode()) == wanted

    def test_pages_join_without_gap_or_repeat(self, store: ObjectStore) -> None:
        new_bucket(store)
        wanted = [f"k{number:03}" for number in range(25)]
        for key in wanted:
            put(store, key, b"")
        seen: list[str] = []
        listed = page(store, limit=10)
        seen += keys(listed)
        while listed.is_truncated:
            listed = page(store, limit=10, after=listed.last)
            seen += keys(listed)
        assert seen == wanted

    def test_a_full_last_page_is_not_truncated(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "a", b"")
        put(store, "b", b"")
        assert not page(store, limit=2).is_truncated

    def test_a_prefix_narrows(self, store: ObjectStore) -> None:
        new_bucket(store)
        for key in ("a", "b", "b/1", "b/2", "c"):
            put(store, key, b"")
        assert keys(page(store, prefix="b/")) == ["b/1", "b/2"]
        assert keys(page(store, prefix="b", after="b/1")) == ["b/2"]

    def test_a_delimiter_rolls_up_many_keys(self, store: ObjectStore) -> None:
        new_bucket(store)
        for key in ("a/0", *(f"b/{number:02}" for number in range(40)), "b0", "c/1"):
            put(store, key, b"")
        listed = page(store, delimiter="/")
        assert (listed.groups, keys(listed)) == (["a/", "b/", "c/"], ["b0"])

    def test_pages_of_groups_join(self, store: ObjectStore) -> None:
        new_bucket(store)
        for number in range(30):
            put(store, f"p/{number // 3:02}/{number}", b"")
        seen: list[str] = []
        listed = page(store, prefix="p/", delimiter="/", limit=3)
        seen += listed.groups
        while listed.is_truncated:
            listed = page(store, prefix="p/", delimiter="/", limit=3, after_group=listed.last)
            seen += listed.groups
        assert seen == [f"p/{number:02}/" for number in range(10)]

    def test_a_page_of_nothing_is_empty(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "a", b"")
        listed = page(store, limit=0)
        assert (listed.objects, listed.is_truncated) == ([], False)


class MultipartChecks:
    """What every store does with multipart uploads."""

    def test_parts_in_any_order_make_the_object(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        parts = {number: put_part(store, upload, number, part_of(number)) for number in (2, 1, 3)}
        info = complete(store, upload, parts[1], parts[2], parts[3])
        data = part_of(1) + part_of(2) + part_of(3)
        digests = b"".join(hashlib.md5(part_of(number)).digest() for number in (1, 2, 3))
        assert read(store, "k") == data
        assert info.etag == f"{hashlib.md5(digests).hexdigest()}-3"
        assert info.attributes.metadata == {"made": "of parts"}

    def test_parts_of_any_size_make_the_object(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        sizes = (10, LARGE, 0, 5, LARGE + 1, 70_000)
        parts = [
            put_part(store, upload, number, part_of(number, size))
            for number, size in enumerate(sizes, start=1)
        ]
        complete(store, upload, *parts)
        data = b"".join(part_of(number, size) for number, size in enumerate(sizes, start=1))
        assert read(store, "k") == data
        assert read(store, "k", 5, LARGE + 20) == data[5 : LARGE + 25]

    def test_a_part_may_be_replaced(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        put_part(store, upload, 1, part_of(1))
        second = put_part(store, upload, 2, part_of(2))
        first = put_part(store, upload, 1, part_of(9))
        complete(store, upload, first, second)
        assert read(store, "k") == part_of(9) + part_of(2)

    def test_parts_may_be_left_out(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        parts = [put_part(store, upload, number, part_of(number)) for number in (1, 2, 3)]
        complete(store, upload, parts[0], parts[2])
        assert read(store, "k") == part_of(1) + part_of(3)

    def test_nothing_is_seen_before_completion(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        put_part(store, upload, 1, part_of(1))
        assert refusal(store.get(Address(BUCKET, "k"))).code == "NoSuchKey"
        assert [found.id for found in run(store.uploads(BUCKET))] == [upload.id]

    def test_completion_ends_the_upload(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        part = put_part(store, upload, 1, part_of(1))
        complete(store, upload, part)
        assert refusal(completion(store, upload, part)).code == "NoSuchUpload"
        assert refusal(store.put_part(upload, 2, BytesUpload(b"x"), Expectation())).code == "NoSuchUpload"

    def test_wrong_parts_are_refused_and_the_upload_stays(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        first, second = (put_part(store, upload, number, part_of(number)) for number in (1, 2))
        wrong = PartEntry(number=2, size_bytes=1, etag="0" * 32, modified=0.0)
        missing = PartEntry(number=3, size_bytes=1, etag=first.etag, modified=0.0)
        assert refusal(completion(store, upload, first, wrong)).code == "InvalidPart"
        assert refusal(completion(store, upload, first, missing)).code == "InvalidPart"
        assert refusal(completion(store, upload, second, first)).code == "InvalidPartOrder"
        assert [part.number for part in run(store.parts(upload))] == [1, 2]

    def test_completion_heeds_its_condition(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "k", b"there")
        upload = new_upload(store)
        part = put_part(store, upload, 1, part_of(1))
        work = completion(store, upload, part, condition=Condition(if_none_match="*"))
        assert refusal(work).code == "PreconditionFailed"
        assert read(store, "k") == b"there"

    def test_a_whole_checksum_is_that_of_the_bytes(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store, algorithm="CRC32")
        parts = [put_part(store, upload, number, part_of(number)) for number in (1, 2)]
        info = complete(store, upload, *parts)
        crc = zlib.crc32(part_of(1) + part_of(2)).to_bytes(4, "big")
        assert info.checksum is not None
        assert base64.b64decode(info.checksum.value) == crc

    def test_a_composite_checksum_is_that_of_the_checksums(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store, algorithm="SHA256", kind="COMPOSITE")
        parts = [put_part(store, upload, number, part_of(number)) for number in (1, 2)]
        info = complete(store, upload, *parts)
        digests = b"".join(hashlib.sha256(part_of(number)).digest() for number in (1, 2))
        assert info.checksum is not None
        assert info.checksum.value == base64.b64encode(hashlib.sha256(digests).digest()).decode() + "-2"

    def test_slices_of_objects_are_parts(self, store: ObjectStore) -> None:
        new_bucket(store)
        for size in (1000, LARGE):
            data = os.urandom(size)
            put(store, "source", data)
            upload = new_upload(store)

            async def work(upload: UploadInfo) -> list[PartEntry]:
                source = await store.get(Address(BUCKET, "source"))
                first = await store.copy_part(upload, 1, source, 100, 400)
                return [first, await store.copy_part(upload, 2, source, 0, 50)]

            parts = run(work(upload))
            run(store.delete(BUCKET, [Deletion("source")]))
            complete(store, upload, *parts)
            assert read(store, "k") == data[100:500] + data[:50]
            assert parts[0].etag == hashlib.md5(data[100:500]).hexdigest()

    def test_an_aborted_upload_is_gone(self, store: ObjectStore) -> None:
        new_bucket(store)
        upload = new_upload(store)
        put_part(store, upload, 1, part_of(1))
        run(store.abort(upload))
        assert run(store.uploads(BUCKET)) == []
        assert refusal(store.abort(upload)).code == "NoSuchUpload"


class ObjectStoreSuite(BucketChecks, ObjectChecks, ListingChecks, MultipartChecks):
    """Everything a store must do."""
