"""A server whose payloads lie in another one: unmodified clients, and either of the two killed."""

import itertools
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects._remote_blob import RemoteBlobs
from sagesse.engines.objects._remote_bucket import RemoteBucket
from sagesse.engines.objects.remote import RemotePlace
from sagesse.testing.server import Server

LARGE = 300_000
PART = 5 << 20
TRANSFER = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)


class Pair:
    """The server under test, and the one with its payloads."""

    def __init__(self, front: Server, behind: Server) -> None:
        self.front = front
        self.behind = behind
        self.is_up = True

    def client(self) -> Any:
        """A client of the server under test, which is started when it is not running."""
        if not self.is_up:
            self.front.start()
            self.is_up = True
        return self.front.client("s3")

    def stop(self) -> None:
        self.front.stop()
        self.is_up = False

    def kill(self) -> None:
        self.front.kill()
        self.is_up = False

    def place(self) -> RemotePlace:
        return RemotePlace(
            url=self.behind.url,
            bucket="payloads",
            access_key_id=self.behind.ready["access_key_id"],
            secret_access_key=self.behind.ready["secret_access_key"],
        )

    def left_after_sweep(self) -> tuple[set[str], set[str]]:
        """What lies behind once everything was swept, and what of it the index knows; the front server is down."""
        folder = self.front.data_dir / "objects"
        bucket = RemoteBucket(self.place())
        root = f"{json.loads((folder / 'remote.json').read_bytes())['id']}/"
        store = LocalObjectStore(folder, grace_s=0, blobs=RemoteBlobs(bucket, root, settle_s=0))
        store.sweep()
        rows = store._database.reader.execute("SELECT id FROM blob WHERE refs > 0").fetchall()
        found = [*bucket.keys(root), *(upload.key for upload in bucket.uploads(root))]
        store.close()
        return {key[len(root) :] for key in found} - {"store.json"}, {row[0] for row in rows}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("behind"), ephemeral=False) as server:
        server.client("s3").create_bucket(Bucket="payloads")
        yield server


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, behind: Server) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("front")
    settings = {
        "objects_url": behind.url,
        "objects_bucket": "payloads",
        "objects_access_key_id": behind.ready["access_key_id"],
        "objects_secret_access_key": behind.ready["secret_access_key"],
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    with Server(folder, ephemeral=False) as front:
        front.client("s3").create_bucket(Bucket="data")
        yield Pair(front, behind)


@pytest.fixture
def s3(pair: Pair) -> Any:
    return pair.client()


def body(s3: Any, key: str, **more: Any) -> bytes:
    return s3.get_object(Bucket="data", Key=key, **more)["Body"].read()


def test_the_transfer_of_a_large_file_and_its_ranges(s3: Any, tmp_path: Path) -> None:
    data = os.urandom(2 * PART + 1_000)
    (tmp_path / "up").write_bytes(data)
    s3.upload_file(str(tmp_path / "up"), "data", "file", Config=TRANSFER)
    s3.download_file("data", "file", str(tmp_path / "down"), Config=TRANSFER)
    assert (tmp_path / "down").read_bytes() == data
    assert body(s3, "file", Range=f"bytes={PART - 10}-{PART + 9}") == data[PART - 10 : PART + 10]
    assert body(s3, "file", PartNumber=2) == data[PART : 2 * PART]


def test_versions_and_encryption(s3: Any) -> None:
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    bodies = [os.urandom(LARGE) for _ in range(3)]
    ids = [
        s3.put_object(Bucket="kept", Key="k", Body=data, ServerSideEncryption=kind)["VersionId"]
        for data, kind in zip(bodies, ("AES256", "aws:kms", "AES256"), strict=True)
    ]
    found = [s3.get_object(Bucket="kept", Key="k", VersionId=version)["Body"].read() for version in ids]
    assert found == bodies


def test_without_the_other_s3_the_answer_is_503_and_with_it_all_goes_on(s3: Any, pair: Pair) -> None:
    data = os.urandom(LARGE)
    s3.put_object(Bucket="data", Key="large", Body=data)
    pair.behind.kill()
    for operation, more in (("put_object", {"Body": data}), ("get_object", {})):
        with pytest.raises(ClientError) as caught:
            getattr(s3, operation)(Bucket="data", Key="large", **more)
        answer = caught.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert answer["Error"]["Code"] == "ServiceUnavailable"
    s3.put_object(Bucket="data", Key="small", Body=b"stays here")
    assert body(s3, "small") == b"stays here"
    assert s3.head_object(Bucket="data", Key="large")["ContentLength"] == LARGE
    pair.behind.start()
    assert body(s3, "large") == data
    s3.put_object(Bucket="data", Key="large", Body=data[::-1])
    assert body(s3, "large") == data[::-1]


def crash_rounds(pair: Pair, rounds: int) -> None:
    """Kill the server amid puts and uploads; what it acknowledged must be there."""
    kept: dict[str, bytes] = {}
    for number in range(rounds):
        count, enough = itertools.count(), threading.Event()
        s3 = pair.client()
        writers = [
            threading.Thread(target=write, args=(s3, f"{number}/{name}", kept, count, enough))
            for name in range(4)
        ]
        for writer in writers:
            writer.start()
        assert enough.wait(60)
        pair.kill()
        for writer in writers:
            writer.join()
        s3 = pair.client()
        for key, data in kept.items():
            assert body(s3, key) == data, key
    pair.stop()
    found, known = pair.left_after_sweep()
    assert found <= known


def write(
    s3: Any, name: str, kept: dict[str, bytes], count: "itertools.count[int]", enough: threading.Event
) -> None:
    """Write until the server dies, and note what it acknowledged."""
    try:
        for number in itertools.count():
            key, data = f"{name}/{number}", os.urandom(LARGE if number % 3 else PART + 1_000)
            if number % 3:
                s3.put_object(Bucket="data", Key=key, Body=data)
            else:
                upload_parts(s3, key, data)
            kept[key] = data
            if next(count) > 8:
                enough.set()
    except (BotoCoreError, ClientError):
        return


def upload_parts(s3: Any, key: str, data: bytes) -> None:
    named = {"Bucket": "data", "Key": key}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**named, PartNumber=number, Body=piece)["ETag"]}
        for number, piece in enumerate((data[:PART], data[PART:]), 1)
    ]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})


def test_nothing_acknowledged_is_lost_and_the_rest_is_swept(pair: Pair) -> None:
    # Some seconds: the server is started again.
    crash_rounds(pair, 1)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_crashes(pair: Pair) -> None:
    crash_rounds(pair, 10)


def test_what_is_deleted_leaves_nothing_behind(pair: Pair) -> None:
    s3 = pair.client()
    for bucket in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            listed = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            named = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in listed]
            if named:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": named})
        for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", ()):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    pair.stop()
    assert pair.left_after_sweep() == (set(), set())
