"""The checks of one write: its digests, its condition, what it tells, its rivals."""

import asyncio
import base64
import contextlib
import zlib

from sagesse.core.body import BytesUpload
from sagesse.core.error import ServiceError
from sagesse.core.event import Event, Message, new_event
from sagesse.core.scope import Scope
from sagesse.engines.objects.base import (
    Address,
    Attributes,
    Change,
    Condition,
    Deletion,
    Expectation,
    ObjectStore,
)
from sagesse.testing.object_store.action import (
    ACCOUNT,
    BUCKET,
    LARGE,
    new_bucket,
    part_of,
    put,
    read,
    refusal,
    run,
)


class WriteChecks:
    """What every store does with a write."""

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
