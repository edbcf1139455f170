"""The checks of listings."""

from sagesse.engines.objects.base import Attributes, ListQuery, ObjectStore
from sagesse.testing.object_store.action import BUCKET, keys, new_bucket, page, put, run


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

    def test_a_page_tells_storage_classes(self, store: ObjectStore) -> None:
        new_bucket(store)
        put(store, "a", b"", attributes=Attributes(headers={"StorageClass": "STANDARD_IA"}))
        put(store, "b", b"", attributes=Attributes(metadata={"m": "StorageClass"}))
        assert [entry.storage_class for entry in page(store).objects] == ["STANDARD_IA", "STANDARD"]
        listed = run(store.versions(BUCKET, ListQuery())).versions
        assert [entry.storage_class for entry in listed] == ["STANDARD_IA", "STANDARD"]

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
