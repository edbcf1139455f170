"""The checks of buckets."""

from sagesse.engines.objects.base import Address, Bucket, ObjectStore
from sagesse.testing.object_store.action import ACCOUNT, BUCKET, new_bucket, new_upload, put, refusal, run


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
