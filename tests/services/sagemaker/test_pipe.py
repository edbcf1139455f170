"""Pipe mode through an unmodified boto3: real named pipes, read by real scripts."""

import gzip
import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagesse.testing.server import Server

from .flow import (
    BUCKET,
    PYTHON,
    XGBOOST,
    channel,
    finished,
    log_lines,
    make_bucket,
    ran,
    run_job,
    script_job,
    until,
)

PIPE = {"TrainingImage": PYTHON, "TrainingInputMode": "Pipe"}
LETTERS = "abcdef"
SEALED = bytes(range(256)) * 500
READ_FIRST = "print(open('/opt/ml/input/data/train_0', 'rb').read())"
READ_ALL = """
import json, zlib
names = json.load(open('/opt/ml/input/config/inputdataconfig.json'))
for name in sorted(names):
    epochs = [open(f'/opt/ml/input/data/{name}_{epoch}', 'rb').read() for epoch in range(2)]
    print(json.dumps([name, names[name], *(zlib.compress(epoch).hex() for epoch in epochs)]))
"""


def put(server: Server, key: str, body: bytes) -> None:
    server.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def pipe(name: str, key: str, source: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    asked = channel(name, f"s3://{BUCKET}/{key}")
    asked["DataSource"]["S3DataSource"] |= source or {}
    return {**asked, **members}


def pipe_job(
    server: Server, name: str, script: str, *channels: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return script_job(
        server, name, script, AlgorithmSpecification=PIPE, InputDataConfig=list(channels), **more
    )


def records(stream: bytes) -> Iterator[bytes]:
    """The records of a RecordIO stream; fails where the framing is wrong."""
    while stream:
        magic, size = struct.unpack_from("<II", stream)
        end = 8 + size + -size % 4
        assert magic == 0xCED7230A
        assert len(stream) >= end
        assert not any(stream[8 + size : end])
        yield stream[8 : 8 + size]
        stream = stream[end:]


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)
    for letter in LETTERS:
        put(server, f"letters/{letter}", letter.encode())


@pytest.fixture(scope="module")
def streams(server: Server) -> dict[str, list[bytes]]:
    """What one job without a network read from each of its channels, in two epochs."""
    put(server, "zipped/1.gz", gzip.compress(b"one,") + gzip.compress(b"two,"))
    put(server, "zipped/2.gz", gzip.compress(b"3" * 3_000_000))
    put(server, "zipped/3.gz", b"")
    for number in range(2):
        server.client("s3").put_object(
            Bucket=BUCKET, Key=f"sealed/{number}", Body=SEALED, ServerSideEncryption="AES256"
        )
    put(server, "zip/1.gz", gzip.compress(b"12345"))
    for number, body in enumerate((b"12345", b"", b"1234")):
        put(server, f"odd/{number}", body)
    manifest = [{"prefix": f"s3://{BUCKET}/letters/"}, "b", "a", "b"]
    put(server, "list.manifest", json.dumps(manifest).encode())
    lines = [
        {"source-ref": f"s3://{BUCKET}/letters/a", "label": 3, "note": "x"},
        {"label": {"b": [1, 2]}, "source-ref": f"s3://{BUCKET}/letters/b", "note": "y"},
    ]
    put(server, "augmented", "\n".join(map(json.dumps, lines)).encode())
    augmented = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["note", "source-ref", "label"]}
    channels = (
        pipe("plain", "letters/"),
        pipe("gzip", "zipped/", CompressionType="Gzip"),
        pipe("sealed", "sealed/"),
        pipe("wrapped", "odd/", RecordWrapperType="RecordIO"),
        pipe("wrapped-gzip", "zip/", RecordWrapperType="RecordIO", CompressionType="Gzip"),
        pipe("shuffled", "letters/", ShuffleConfig={"Seed": 7}),
        pipe("shuffled-again", "letters/", ShuffleConfig={"Seed": 7}),
        pipe("manifest", "list.manifest", {"S3DataType": "ManifestFile"}),
        pipe("augmented", "augmented", augmented),
        pipe("augmented-wrapped", "augmented", augmented, RecordWrapperType="RecordIO"),
    )
    request = pipe_job(server, "all-pipes", READ_ALL, *channels, EnableNetworkIsolation=True)
    facts = run_job(server, request)
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    said = [json.loads(line) for line in log_lines(server, "all-pipes")]
    assert said[0][1] == {
        "TrainingInputMode": "Pipe",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
        "ContentType": "text/csv",
    }
    return {name: [zlib.decompress(bytes.fromhex(epoch)) for epoch in epochs] for name, _, *epochs in said}


Streams = dict[str, list[bytes]]


def test_objects_come_in_order_again_in_each_epoch(streams: Streams) -> None:
    assert streams["plain"] == [LETTERS.encode()] * 2


def test_what_s3_keeps_encrypted_comes_open(streams: Streams) -> None:
    assert streams["sealed"] == [SEALED * 2] * 2


def test_gzip_is_decompressed_on_its_way(streams: Streams) -> None:
    assert streams["gzip"] == [b"one,two," + b"3" * 3_000_000] * 2


def test_each_object_is_a_record_of_its_own(streams: Streams) -> None:
    assert list(records(streams["wrapped"][0])) == [b"12345", b"", b"1234"]


def test_gzip_and_records_go_together(streams: Streams) -> None:
    assert list(records(streams["wrapped-gzip"][0])) == [b"12345"]


def test_shuffled_epochs_differ_and_repeat_with_the_same_seed(streams: Streams) -> None:
    first, second = streams["shuffled"]
    assert streams["shuffled-again"] == [first, second]
    assert first != second
    assert sorted(first) == sorted(second) == sorted(LETTERS.encode())


def test_a_manifest_says_order_and_repetition(streams: Streams) -> None:
    assert streams["manifest"][0] == b"bab"


def test_an_augmented_manifest_sends_its_attributes_in_the_order_asked(streams: Streams) -> None:
    assert streams["augmented"][0] == b'xa3yb{"b":[1,2]}'
    assert list(records(streams["augmented-wrapped"][0])) == [b"x", b"a", b"3", b"y", b"b", b'{"b":[1,2]}']


def test_a_job_that_closes_early_finds_the_next_epoch_at_its_beginning(server: Server) -> None:
    put(server, "long/zeros", bytes(4 << 20))
    put(server, "long/first", b"first")
    script = (
        "import os\n"
        "for epoch in range(3):\n"
        "    with open(f'/opt/ml/input/data/train_{epoch}', 'rb', buffering=0) as pipe:\n"
        "        print(pipe.read(5))\n"
        "print(open('/opt/ml/input/data/files/a').read(), 'train_0' in os.listdir('/opt/ml/input/data'))\n"
    )
    files = {**pipe("files", "letters/"), "InputMode": "File"}
    facts = run_job(server, pipe_job(server, "early", script, pipe("train", "long/"), files))
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert log_lines(server, "early") == ["b'first'"] * 3 + ["a False"]


def test_damaged_gzip_fails_the_job_and_is_no_end_of_the_data(server: Server) -> None:
    put(server, "damaged/part", gzip.compress(b"1" * 1000)[:-6])
    given = pipe("train", "damaged/", CompressionType="Gzip")
    facts = run_job(server, pipe_job(server, "damaged", READ_FIRST, given))
    assert facts["TrainingJobStatus"] == "Failed"
    assert facts["FailureReason"].startswith("ClientError: Data download failed:")
    assert f"s3://{BUCKET}/damaged/part is no valid gzip file: it ends too early" in facts["FailureReason"]
    assert log_lines(server, "damaged") == []


def test_an_object_that_is_not_there_fails_the_job(server: Server) -> None:
    put(server, "dangling", json.dumps({"source-ref": f"s3://{BUCKET}/nowhere"}).encode())
    source = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["source-ref"]}
    facts = run_job(server, pipe_job(server, "dangling", READ_FIRST, pipe("train", "dangling", source)))
    assert facts["TrainingJobStatus"] == "Failed"
    assert facts["FailureReason"].startswith("ClientError: Data download failed:NoSuchKey: ")
    assert f"s3://{BUCKET}/nowhere" in facts["FailureReason"]


def test_a_bad_augmented_manifest_fails_the_job_before_it_starts(server: Server) -> None:
    put(server, "bad-lines", b'{"label": 1}')
    source = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["source-ref"]}
    facts = run_job(server, pipe_job(server, "bad-lines", "", pipe("train", "bad-lines", source)))
    assert facts["FailureReason"].startswith("ClientError: Data download failed:")
    assert "line 1 has no attribute 'source-ref'" in facts["FailureReason"]
    assert not ran(facts)


def test_xgboost_reads_a_pipe(server: Server) -> None:
    rows = "".join(f"{int(x > 4)},{x},{y}\n" for x in range(10) for y in range(10))
    put(server, "table/rows.csv", rows.encode())
    request = {
        **pipe_job(server, "xgboost-pipe", "", pipe("train", "table/")),
        "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "Pipe"},
        "HyperParameters": {"num_round": "2", "objective": "binary:logistic"},
    }
    facts = run_job(server, request)
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")


def test_a_server_that_is_killed_is_only_a_pause(tmp_path: Path) -> None:
    """The job waits for the kill in the middle of an object; what it reads is complete and not repeated."""
    parts = [b"".join(b"%08d\n" % (500_000 * part + row) for row in range(500_000)) for part in range(2)]
    gate = tmp_path / "gate"
    script = (
        "import hashlib, os, time\n"
        "digest = hashlib.sha256()\n"
        "with open('/opt/ml/input/data/train_0', 'rb', buffering=0) as pipe:\n"
        "    for number in range(1 << 30):\n"
        "        chunk = pipe.read(1 << 18)\n"
        "        digest.update(chunk)\n"
        "        if not chunk: break\n"
        "        if number == 4: print('halfway', flush=True)\n"
        f"        while number == 4 and not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
        "print(digest.hexdigest())\n"
    )
    with Server(tmp_path / "data", ephemeral=False) as server:
        make_bucket(server)
        for number, part in enumerate(parts):
            put(server, f"big/{number}", part)
        request = pipe_job(server, "survives", script, pipe("train", "big/"))
        server.client("sagemaker").create_training_job(**request)
        until(lambda: "halfway" in log_lines(server, "survives"))
        server.kill()
        gate.touch()
        server.start()
        facts = finished(server, "survives")
        assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
        said = log_lines(server, "survives")
    assert said == ["halfway", hashlib.sha256(b"".join(parts)).hexdigest()]
