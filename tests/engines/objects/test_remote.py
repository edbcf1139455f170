"""The conformance suites over a store whose payloads lie in another S3: a Sagesse server."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import msgspec
import pytest

from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects._remote_blob import RemoteBlobs
from sagesse.engines.objects._remote_bucket import RemoteBucket
from sagesse.engines.objects.remote import RemotePlace, RemoteUnusable, open_blobs
from sagesse.testing.object_seal import ObjectSealSuite
from sagesse.testing.object_store import BUCKET, LARGE, ObjectStoreSuite, new_bucket, put, read
from sagesse.testing.object_version import ObjectVersionSuite

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def bucket(place: RemotePlace) -> RemoteBucket:
    """Shared, for making a client takes longer than most tests."""
    return RemoteBucket(place)


@pytest.fixture
def store(tmp_path: Path, bucket: RemoteBucket) -> Iterator[LocalObjectStore]:
    blobs = RemoteBlobs(bucket, f"suite/{next(_NUMBERS)}/")
    store = LocalObjectStore(tmp_path / "s3", durable=False, min_part_bytes=0, blobs=blobs)
    yield store
    store.close()


class TestRemoteStore(ObjectStoreSuite):
    pass


class TestVersions(ObjectVersionSuite):
    pass


class TestSeals(ObjectSealSuite):
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "s3"


def opened(folder: Path, place: RemotePlace) -> None:
    blobs = open_blobs(folder, place)
    assert blobs is not None
    blobs.close()


def test_a_store_finds_its_payloads_again(folder: Path, place: RemotePlace) -> None:
    for _ in range(2):
        store = LocalObjectStore(folder, blobs=open_blobs(folder, place))
        if store.find_bucket(BUCKET) is None:
            new_bucket(store)
            put(store, "k", bytes(LARGE))
        assert read(store, "k") == bytes(LARGE)
        store.close()


def test_stores_that_share_a_bucket_have_names_of_their_own(tmp_path: Path, place: RemotePlace) -> None:
    roots = set()
    for name in ("a", "b"):
        opened(tmp_path / name, place)
        roots.add((tmp_path / name / "remote.json").read_bytes())
    assert len(roots) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bucket": "missing"}, "NoSuchBucket"),
        ({"url": "http://127.0.0.1:1"}, "Could not connect"),
    ],
)
def test_a_place_that_does_not_work_is_refused(
    folder: Path, place: RemotePlace, change: dict[str, str], words: str
) -> None:
    with pytest.raises(RemoteUnusable, match=words) as caught:
        open_blobs(folder, msgspec.structs.replace(place, **change))
    assert caught.value.fix


def test_a_bucket_that_cannot_be_written_is_refused(folder: Path, place: RemotePlace) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=place.url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    s3.create_bucket(Bucket="read-only")
    denial = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::read-only/*",
    }
    s3.put_bucket_policy(
        Bucket="read-only", Policy=json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    )
    with pytest.raises(RemoteUnusable, match="AccessDenied") as caught:
        open_blobs(folder, msgspec.structs.replace(place, bucket="read-only"))
    assert "Let the key" in caught.value.fix


def test_a_store_does_not_change_places(folder: Path, place: RemotePlace) -> None:
    opened(folder, place)
    for other in (None, msgspec.structs.replace(place, bucket="another")):
        with pytest.raises(RemoteUnusable, match="are in the bucket 'payloads'"):
            open_blobs(folder, other)


def test_a_store_with_files_keeps_them(folder: Path, place: RemotePlace) -> None:
    store = LocalObjectStore(folder)
    new_bucket(store)
    put(store, "k", bytes(LARGE))
    store.close()
    with pytest.raises(RemoteUnusable, match="are in files there"):
        open_blobs(folder, place)


def test_another_s3_with_a_bucket_of_that_name_is_noticed(folder: Path, place: RemotePlace) -> None:
    opened(folder, place)
    bound = json.loads((folder / "remote.json").read_bytes())
    (folder / "remote.json").write_text(json.dumps({**bound, "id": "elsewhere"}))
    with pytest.raises(RemoteUnusable, match="has not the payloads of this store"):
        open_blobs(folder, place)


def test_a_damaged_binding_is_told(folder: Path, place: RemotePlace) -> None:
    folder.mkdir()
    (folder / "remote.json").write_text("{")
    with pytest.raises(RemoteUnusable, match="is damaged"):
        open_blobs(folder, place)


def test_nobody_sees_the_secret(place: RemotePlace) -> None:
    assert "key-of" not in repr(msgspec.structs.replace(place, secret_access_key="key-of-it"))
