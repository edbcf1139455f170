"""Damage as clients of a server, `sagesse scrub` and `sagesse doctor` see it."""

import json
import os
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server
from tests.cli.run import answer, sagesse

LARGE = os.urandom(300_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("damage"), ephemeral=False) as running:
        running.client("s3").create_bucket(Bucket="kept")
        yield running


@pytest.fixture(scope="module")
def s3(server: Server) -> Any:
    return server.client("s3")


def error_of(s3: Any, key: str) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket="kept", Key=key)
    return caught.value.response


def newest_file(server: Server) -> Path:
    files = (path for path in server.data_dir.glob("objects/blobs/*/*/*") if path.is_file())
    return max(files, key=lambda path: path.stat().st_mtime_ns)


def doctor(server: Server) -> list[dict[str, str]]:
    done = sagesse("doctor", "--json", "--data-dir", server.data_dir)
    return [finding for finding in json.loads(done.stdout)["findings"] if finding["name"] == "damage"]


def log(server: Server) -> str:
    return (server.data_dir / "server.log").read_text()


def test_a_cut_file_is_told_before_any_byte_is_sent(server: Server, s3: Any) -> None:
    s3.put_object(Bucket="kept", Key="cut", Body=LARGE)
    os.truncate(newest_file(server), len(LARGE) // 2)
    response = error_of(s3, "cut")
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (
        "InternalError",
        500,
    )
    assert "sagesse doctor" in response["Error"]["Message"]
    assert s3.head_object(Bucket="kept", Key="cut")["ContentLength"] == len(LARGE)
    assert any("s3://kept/cut" in finding["text"] for finding in doctor(server))
    assert log(server).count("s3://kept/cut") == 1
    assert "Traceback" not in log(server)


def test_a_scrub_of_a_running_server_finds_a_flipped_byte(server: Server, s3: Any) -> None:
    s3.put_object(Bucket="kept", Key="flipped", Body=LARGE)
    file = newest_file(server)
    data = bytearray(file.read_bytes())
    data[1234] ^= 1
    file.write_bytes(data)
    done = sagesse("scrub", "--data-dir", server.data_dir)
    assert done.returncode == 1
    assert "s3://kept/flipped" in done.stdout
    assert any("s3://kept/flipped" in finding["text"] for finding in doctor(server))


def test_what_is_put_again_is_clean_for_the_next_scrub(server: Server, s3: Any) -> None:
    for entry in s3.list_objects_v2(Bucket="kept").get("Contents", []):
        s3.put_object(Bucket="kept", Key=entry["Key"], Body=LARGE)
    s3.put_object(Bucket="kept", Key="sealed", Body=LARGE, ServerSideEncryption="AES256")
    s3.put_object(Bucket="kept", Key="kms", Body=LARGE, ServerSideEncryption="aws:kms")
    told = answer("scrub", "--data-dir", server.data_dir, "--rate-mib", "0")
    assert (told["healthy"], told["damages"]) == (True, [])
    assert told["unchecked"] == 1  # the one under a key of KMS
    assert [finding["state"] for finding in doctor(server)] == ["ok"]


@pytest.mark.timeout(300)
def test_damage_that_came_while_no_server_ran(tmp_path: Path) -> None:
    # Three seconds: a server starts twice.
    with Server(tmp_path, ephemeral=False) as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="sealed", Body=LARGE, ServerSideEncryption="AES256")
        for number in range(20):
            s3.put_object(Bucket="kept", Key=f"small-{number}", Body=b"body-%d-" % number * 400)
        server.stop()
        assert answer("scrub", "--data-dir", tmp_path)["unchecked"] == 0
        data = bytearray(newest_file(server).read_bytes())
        data[-1] ^= 1
        newest_file(server).write_bytes(data)
        spoil(tmp_path / "objects" / "index.db", b"body-7-body-7")
        done = sagesse("scrub", "--data-dir", tmp_path)
        assert done.returncode == 1
        assert "does not match its seal" in done.stdout
        assert "index.db" in done.stdout
        server.start()
        response = error_of(server.client("s3"), "small-7")
        assert response["Error"]["Code"] == "InternalError"
        assert "sagesse doctor" in response["Error"]["Message"]
        assert server.client("s3").get_object(Bucket="kept", Key="small-19")["Body"].read(8) == b"body-19-"
        assert any("database" in finding["text"] for finding in doctor(server))
        assert "Traceback" not in log(server)


def test_the_own_endpoint_refuses_what_it_does_not_know(server: Server) -> None:
    body = b'{"rate_bytes": -1}'
    request = urllib.request.Request(f"{server.url}/_sagesse/scrub", body, server.administrator)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    with caught.value:
        assert caught.value.code == 400


def spoil(path: Path, needle: bytes) -> None:
    """Overwrite the leaf of a closed database on which this is."""
    with sqlite3.connect(path) as database:
        size = database.execute("PRAGMA page_size").fetchone()[0]
    database.close()
    data = path.read_bytes()
    pages = [data[at : at + size] for at in range(0, len(data), size)]
    leaf = next(number for number, page in enumerate(pages) if page[0] == 13 and needle in page)
    path.write_bytes(b"".join([*pages[:leaf], b"\xa5" * size, *pages[leaf + 1 :]]))
