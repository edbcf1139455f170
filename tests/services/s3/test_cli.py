"""The AWS CLI as it is; slow, because each command starts an interpreter."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sagesse.testing.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def aws(server: Server, tmp_path: Path) -> Any:
    keys = {
        "AWS_ACCESS_KEY_ID": server.ready["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": server.ready["secret_access_key"],
    }
    environment = {
        **os.environ,
        **keys,
        "AWS_ENDPOINT_URL": server.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
    }
    command = str(Path(sys.executable).with_name("aws"))

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [command, *arguments], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    return run


def test_a_folder_goes_there_and_back(aws: Any, bucket: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "a" / "b c").mkdir(parents=True)
    (tree / "é").write_text("one")
    (tree / "a" / "b c" / "big").write_bytes(os.urandom(20 << 20))
    aws("s3", "sync", str(tree), f"s3://{bucket}/tree")
    aws("s3", "sync", f"s3://{bucket}/tree", str(tmp_path / "back"))
    for file in ("é", "a/b c/big"):
        assert (tmp_path / "back" / file).read_bytes() == (tree / file).read_bytes()
    assert aws("s3", "sync", str(tree), f"s3://{bucket}/tree") == ""


def test_files_follow_empty_ones_at_once(aws: Any, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nmax_attempts = 1\ns3 =\n  max_concurrent_requests = 1\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(6):
        (tree / f"{number}").write_text("x" * (number % 2))
    aws("--cli-read-timeout", "5", "s3", "sync", str(tree), f"s3://{bucket}")
    assert len(aws("s3", "ls", f"s3://{bucket}").splitlines()) == 6


def test_objects_are_moved_listed_and_removed(aws: Any, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    aws("s3", "cp", str(tmp_path / "file"), f"s3://{bucket}/a/file")
    aws("s3", "mv", f"s3://{bucket}/a/file", f"s3://{bucket}/b/file")
    assert aws("s3", "cp", f"s3://{bucket}/b/file", "-") == "hello"
    assert aws("s3", "ls", f"s3://{bucket}/").split() == ["PRE", "b/"]
    aws("s3", "rb", "--force", f"s3://{bucket}")
    assert bucket not in aws("s3", "ls")


def test_select_writes_the_records(aws: Any, s3: Any, bucket: str, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"id,name\n1,a\n2,b\n")
    members = {
        "--bucket": bucket,
        "--key": "k",
        "--expression": "SELECT s.name FROM S3Object s WHERE s.id = '2'",
        "--expression-type": "SQL",
        "--input-serialization": '{"CSV": {"FileHeaderInfo": "USE"}}',
        "--output-serialization": '{"CSV": {}}',
    }
    named = [part for member in members.items() for part in member]
    aws("s3api", "select-object-content", *named, str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == "b\n"
