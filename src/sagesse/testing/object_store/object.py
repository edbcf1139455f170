"""The checks of objects: they come back, are copied, changed and deleted."""

import base64
import hashlib
import os

from sagesse.engines.objects.base import Address, Attributes, Condition, Deleted, Deletion, ObjectStore
from sagesse.testing.object_store.action import (
    BUCKET,
    LARGE,
    collect,
    new_bucket,
    page,
    put,
    read,
    refusal,
    run,
)


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

    def test_deleting_is_for_good_and_may_be_repeated(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "a", b"1")
        put(store, "b", b"2" * LARGE)
        deletions = [Deletion("a"), Deletion("b"), Deletion("never")]
        assert run(store.delete(BUCKET, deletions)) == [Deleted(), Deleted(), Deleted(is_change=False)]
        assert page(store).objects == []
        assert run(store.delete(BUCKET, [Deletion("a")])) == [Deleted(is_change=False)]

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

    def test_wiping_leaves_nothing(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "k", b"x" * LARGE)
        run(store.wipe())
        assert refusal(store.bucket(BUCKET)).code == "NoSuchBucket"
        new_bucket(store)
        assert page(store).objects == []
