"""The part of `ObjectStore`'s conformance suite that is about versions, delete markers and locks."""

import asyncio
from typing import Any

from sagesse.core.body import BytesUpload
from sagesse.core.error import ServiceError
from sagesse.engines.objects.base import (
    NULL_VERSION,
    Address,
    Attributes,
    Bucket,
    Condition,
    Deleted,
    Deletion,
    Expectation,
    ListQuery,
    Lock,
    ObjectInfo,
    ObjectStore,
    Versioning,
)
from sagesse.testing.object_store import (
    ACCOUNT,
    BUCKET,
    LARGE,
    collect,
    complete,
    new_bucket,
    new_upload,
    part_of,
    put,
    put_part,
    read,
    refusal,
    run,
)

FAR = 4e9


def new_versioned_bucket(store: ObjectStore, *, has_lock: bool = False) -> None:
    """Create a bucket that keeps versions."""
    bucket = Bucket(
        name=BUCKET,
        account=ACCOUNT,
        region="us-east-1",
        created=1.0,
        versioning="Enabled",
        has_lock=has_lock,
    )
    run(store.create_bucket(bucket))


def version(store: ObjectStore, versioning: Versioning) -> None:
    """Enable or suspend versions."""
    run(store.version_bucket(BUCKET, versioning))


def delete(store: ObjectStore, key: str, version: str | None = None, **more: Any) -> Deleted:
    """Delete an object or a version."""
    (outcome,) = run(store.delete(BUCKET, [Deletion(key, version=version, **more)]))
    if isinstance(outcome, ServiceError):
        raise outcome
    return outcome


def refused_deletion(store: ObjectStore, key: str, version: str | None, **more: Any) -> str:
    """The code with which a deletion is refused."""
    (outcome,) = run(store.delete(BUCKET, [Deletion(key, version=version, **more)]))
    return outcome.code if isinstance(outcome, ServiceError) else ""


def read_version(store: ObjectStore, key: str, version: str) -> bytes:
    """The bytes of a version."""
    found = run(store.get(Address(BUCKET, key), version))
    return run(collect(found.read(0, found.info.size_bytes)))


def listed(store: ObjectStore, **query: Any) -> list[tuple[str, str, bool, bool]]:
    """(key, version, is latest, is marker) of everything, page by page."""
    found: list[tuple[str, str, bool, bool]] = []
    while True:
        page = run(store.versions(BUCKET, ListQuery(**query)))
        found += [(entry.key, entry.version, entry.is_latest, entry.is_marker) for entry in page.versions]
        if not page.is_truncated:
            return found
        query |= {"after": page.last, "after_version": page.last_version}


def lock(mode: Any, until: float = FAR, *, hold: bool | None = None) -> Attributes:
    """Attributes with a lock."""
    return Attributes(lock=Lock(mode=mode, until=until, has_legal_hold=hold))


class VersionChecks:
    """What every store does in a bucket with versions."""

    def test_versioning_is_off_until_enabled(self, store: ObjectStore) -> None:
        new_bucket(store)
        assert run(store.bucket(BUCKET)).versioning == ""
        version(store, "Enabled")
        assert run(store.bucket(BUCKET)).versioning == "Enabled"

    def test_every_version_stays_readable(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        bodies = [b"1", b"2" * LARGE, b""]
        ids = [put(store, "k", body).version for body in bodies]
        assert [read_version(store, "k", name) for name in ids] == bodies
        assert read(store, "k") == b""
        assert len({*ids, NULL_VERSION}) == 4

    def test_what_was_there_before_is_the_null_version(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "k", b"before")
        version(store, "Enabled")
        later = put(store, "k", b"after")
        assert read_version(store, "k", NULL_VERSION) == b"before"
        assert listed(store) == [("k", later.version, True, False), ("k", NULL_VERSION, False, False)]

    def test_deleting_adds_a_marker(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        first = put(store, "k", b"1")
        marker = delete(store, "k")
        assert marker.is_marker
        error = refusal(store.get(Address(BUCKET, "k")))
        assert (error.code, error.headers["x-amz-version-id"]) == ("NoSuchKey", marker.version)
        assert refusal(store.get(Address(BUCKET, "k"), marker.version)).code == "MethodNotAllowed"
        assert read_version(store, "k", first.version) == b"1"
        assert run(store.page(BUCKET, ListQuery())).objects == []

    def test_deleting_nothing_adds_a_marker_as_well(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        first, second = delete(store, "k"), delete(store, "k")
        assert listed(store) == [("k", second.version, True, True), ("k", first.version, False, True)]

    def test_without_its_marker_an_object_is_back(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        for size in (10, LARGE):
            put(store, "k", b"x" * size)
            marker = delete(store, "k")
            assert delete(store, "k", marker.version) == marker
            assert read(store, "k") == b"x" * size

    def test_the_version_before_takes_the_place_of_a_deleted_one(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        first, second = put(store, "k", b"1"), put(store, "k", b"2")
        assert delete(store, "k", second.version) == Deleted(second.version)
        assert run(store.get(Address(BUCKET, "k"))).info.version == first.version
        assert refusal(store.get(Address(BUCKET, "k"), second.version)).code == "NoSuchVersion"

    def test_a_version_that_is_not_there_counts_as_deleted(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        first = put(store, "k", b"1")
        delete(store, "k", first.version)
        assert delete(store, "k", first.version) == Deleted(first.version, is_change=False)
        assert listed(store) == []

    def test_suspended_versioning_replaces_the_null_version_only(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        kept = put(store, "k", b"kept")
        version(store, "Suspended")
        for body in (b"1", b"2"):
            assert put(store, "k", body).version == NULL_VERSION
        assert read(store, "k") == b"2"
        assert listed(store) == [("k", NULL_VERSION, True, False), ("k", kept.version, False, False)]

    def test_suspended_versioning_replaces_an_older_null_version(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "k", b"null" * LARGE)
        version(store, "Enabled")
        kept = put(store, "k", b"kept")
        version(store, "Suspended")
        put(store, "k", b"new")
        assert read_version(store, "k", NULL_VERSION) == b"new"
        assert listed(store) == [("k", NULL_VERSION, True, False), ("k", kept.version, False, False)]

    def test_deleting_while_suspended_leaves_a_null_marker(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "k", b"null")
        version(store, "Suspended")
        assert delete(store, "k") == Deleted(NULL_VERSION, is_marker=True)
        assert delete(store, "k") == Deleted(NULL_VERSION, is_marker=True)
        assert listed(store) == [("k", NULL_VERSION, True, True)]
        put(store, "k", b"again")
        assert listed(store) == [("k", NULL_VERSION, True, False)]

    def test_copies_and_completed_uploads_are_versions(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        first = put(store, "k", b"x" * LARGE)
        upload = new_upload(store)
        made = complete(store, upload, put_part(store, upload, 1, part_of(7)))

        async def work() -> ObjectInfo:
            source = await store.get(Address(BUCKET, "k"), first.version)
            target = Address(BUCKET, "k")
            return await store.copy(source, target, Attributes(), algorithm=None, condition=Condition())

        copied = run(work())
        assert [name for _, name, _, _ in listed(store)] == [copied.version, made.version, first.version]
        assert read(store, "k") == b"x" * LARGE
        assert read_version(store, "k", made.version) == part_of(7)

    def test_conditions_are_about_what_the_name_shows(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        first = put(store, "k", b"1")
        delete(store, "k")
        put(store, "k", b"2", condition=Condition(if_none_match="*"))
        assert refused_deletion(store, "k", None, if_match=first.etag) == "PreconditionFailed"
        assert delete(store, "k", first.version, if_match=first.etag) == Deleted(first.version)

    def test_a_deletion_may_depend_on_the_time(self, store: ObjectStore) -> None:
        new_bucket(store)
        info = put(store, "k", b"1")
        assert refused_deletion(store, "k", None, if_modified=info.modified - 1) == "PreconditionFailed"
        assert delete(store, "k", if_modified=info.modified) == Deleted()

    def test_a_deletion_of_the_past_leaves_what_the_name_shows(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        first, second = put(store, "k", b"1").version, put(store, "k", b"2").version
        assert refused_deletion(store, "k", second, if_past=True) == "PreconditionFailed"
        delete(store, "k", second)
        assert refused_deletion(store, "k", first, if_past=True) == "PreconditionFailed"
        put(store, "k", b"3")
        assert delete(store, "k", first, if_past=True).is_change

    def test_a_version_has_tags_of_its_own(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        first, second = put(store, "k", b"1"), put(store, "k", b"2")
        address = Address(BUCKET, "k")
        assert run(store.tag(address, {"t": "1"}, first.version)).version == first.version
        assert run(store.tag(address, {"t": "2"})).version == second.version
        tags = [run(store.get(address, info.version)).info.attributes.tags for info in (first, second)]
        assert tags == [{"t": "1"}, {"t": "2"}]

    def test_many_writers_of_one_key_leave_all_their_versions(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        bodies = [part_of(number, 70_000 if number % 2 else 5_000) for number in range(64)]

        async def work() -> list[ObjectInfo]:
            address = Address(BUCKET, "k")
            return await asyncio.gather(
                *(
                    store.put(
                        address, BytesUpload(body), Attributes(), expect=Expectation(), condition=Condition()
                    )
                    for body in bodies
                )
            )

        infos = run(work())
        assert [read_version(store, "k", info.version) for info in infos] == bodies
        assert len(listed(store)) == len(bodies)

    def test_a_bucket_with_versions_is_not_deleted(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        marker = delete(store, "k")
        assert refusal(store.delete_bucket(BUCKET)).code == "BucketNotEmpty"
        delete(store, "k", marker.version)
        run(store.delete_bucket(BUCKET))


class VersionListingChecks:
    """What every store lists of versions."""

    def test_pages_of_any_size_hold_the_same(self, store: ObjectStore) -> None:
        new_bucket(store)
        for key in ("a", "b"):
            put(store, key, b"0")
        version(store, "Enabled")
        for key in ("b", "a", "c"):
            put(store, key, b"1")
            put(store, key, b"2")
        delete(store, "b")
        version(store, "Suspended")
        put(store, "a", b"3")
        everything = listed(store)
        assert [key for key, *_ in everything] == ["a"] * 3 + ["b"] * 4 + ["c"] * 2
        for limit in (1, 2, 3, 4):
            assert listed(store, limit=limit) == everything

    def test_pages_go_on_where_a_version_was_deleted(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "k", b"null")
        version(store, "Enabled")
        for body in (b"1", b"2", b"3"):
            put(store, "k", body)
        version(store, "Suspended")
        put(store, "k", b"null again")
        seen = 0
        query: dict[str, Any] = {"limit": 1}
        while True:
            page = run(store.versions(BUCKET, ListQuery(**query)))
            for entry in page.versions:
                delete(store, entry.key, entry.version)
            seen += len(page.versions)
            if not page.is_truncated:
                break
            query |= {"after": page.last, "after_version": page.last_version}
        assert seen == 4
        assert listed(store) == []

    def test_versions_are_rolled_up_once(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        for key in ("a/1", "a/1", "a/2", "b"):
            put(store, key, b"")
        delete(store, "a/3")
        page = run(store.versions(BUCKET, ListQuery(delimiter="/")))
        assert (page.groups, [entry.key for entry in page.versions]) == (["a/"], ["b"])

    def test_a_prefix_narrows_versions(self, store: ObjectStore) -> None:
        new_versioned_bucket(store)
        for key in ("a", "b/1", "b/1", "c"):
            put(store, key, b"")
        assert [key for key, *_ in listed(store, prefix="b", limit=1)] == ["b/1", "b/1"]


class LockChecks:
    """What every store does with locked versions."""

    def test_a_locked_version_stays(self, store: ObjectStore) -> None:
        new_versioned_bucket(store, has_lock=True)
        for attributes in (lock("COMPLIANCE"), lock("GOVERNANCE"), lock("", 0, hold=True)):
            name = put(store, "k", b"x", attributes=attributes).version
            assert refused_deletion(store, "k", name) == "AccessDenied"
            delete(store, "k")
            assert read_version(store, "k", name) == b"x"

    def test_only_governance_can_be_bypassed(self, store: ObjectStore) -> None:
        new_versioned_bucket(store, has_lock=True)
        kept = put(store, "k", b"x", attributes=lock("COMPLIANCE")).version
        freed = put(store, "k", b"x", attributes=lock("GOVERNANCE")).version
        held = put(store, "k", b"x", attributes=lock("GOVERNANCE", hold=True)).version
        refused = [
            refused_deletion(store, "k", name, bypasses_governance=True) for name in (kept, freed, held)
        ]
        assert refused == ["AccessDenied", "", "AccessDenied"]

    def test_a_retention_ends(self, store: ObjectStore) -> None:
        new_versioned_bucket(store, has_lock=True)
        name = put(store, "k", b"x", attributes=lock("COMPLIANCE", 5.0)).version
        assert delete(store, "k", name) == Deleted(name)

    def test_locks_need_versions(self, store: ObjectStore) -> None:
        new_versioned_bucket(store, has_lock=True)
        assert refusal(store.version_bucket(BUCKET, "Suspended")).code == "InvalidBucketState"

    def test_a_bucket_takes_locks_once_it_keeps_versions(self, store: ObjectStore) -> None:
        new_bucket(store)
        assert refusal(store.lock_bucket(BUCKET)).code == "InvalidBucketState"
        version(store, "Enabled")
        run(store.lock_bucket(BUCKET))
        assert run(store.bucket(BUCKET)).has_lock

    def test_a_retention_is_only_made_longer(self, store: ObjectStore) -> None:
        new_versioned_bucket(store, has_lock=True)
        address = Address(BUCKET, "k")
        for mode in ("COMPLIANCE", "GOVERNANCE"):
            name = put(store, "k", b"x", attributes=lock(mode)).version
            run(store.retain(address, Lock(mode=mode, until=FAR + 1), version=name))
            for weaker in (Lock(mode=mode, until=FAR), Lock(mode="GOVERNANCE", until=FAR), Lock()):
                assert refusal(store.retain(address, weaker, version=name)).code == "AccessDenied"

    def test_a_bypass_weakens_governance_only(self, store: ObjectStore) -> None:
        new_versioned_bucket(store, has_lock=True)
        address = Address(BUCKET, "k")
        for mode, code in (("COMPLIANCE", "AccessDenied"), ("GOVERNANCE", "")):
            name = put(store, "k", b"x", attributes=lock(mode)).version
            work = store.retain(address, Lock(), version=name, bypasses_governance=True)
            assert (refusal(work).code if code else run(work).attributes.lock) == (code or Lock())

    def test_a_hold_is_put_on_and_taken_off(self, store: ObjectStore) -> None:
        new_versioned_bucket(store, has_lock=True)
        name = put(store, "k", b"x").version
        run(store.hold(Address(BUCKET, "k"), True))
        assert refused_deletion(store, "k", name, bypasses_governance=True) == "AccessDenied"
        run(store.hold(Address(BUCKET, "k"), False, version=name))
        assert delete(store, "k", name) == Deleted(name)


class ObjectVersionSuite(VersionChecks, VersionListingChecks, LockChecks):
    """Everything a store must do with versions."""
