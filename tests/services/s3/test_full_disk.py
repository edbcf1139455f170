"""A server on a disk that fills up, until there is room again."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.cli.run import clean_environment

ROOT = Path(__file__).parents[3]
MIB = 1 << 20
DISK_MIB = 24


class SmallServer:
    """A server with a disk of its own; `disk` is that disk as we see it."""

    def __init__(self, folder: Path) -> None:
        data = folder / "data"
        data.mkdir()
        self.log = folder / "log"
        command = [sys.executable, "-m", "tests.services.s3.small_disk", str(DISK_MIB), str(data)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "up", "--json", "--port", "0", "--data-dir", str(data)],
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=clean_environment(),
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line and self._process.wait() == 77:
            pytest.skip(f"no namespaces here: {self.log.read_text()}")
        assert line, self.log.read_text()
        self._facts = json.loads(line)
        self.disk = Path(f"/proc/{self._process.pid}/root{data}")

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._facts["url"],
            region_name="us-east-1",
            aws_access_key_id=self._facts["access_key_id"],
            aws_secret_access_key=self._facts["secret_access_key"],
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
        )

    def fill(self) -> None:
        """Take every byte that is left."""
        with (self.disk / "filling").open("ab", buffering=0) as file:
            for size in (MIB, 4096, 1):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallServer]:
    server = SmallServer(tmp_path_factory.mktemp("small"))
    yield server
    server.stop()


def refusal(call: Any, **params: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response
    return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Message"]


@pytest.mark.timeout(300)
def test_a_full_disk_refuses_what_is_new_keeps_the_rest_and_recovers(server: SmallServer) -> None:
    # Some seconds: a server starts, and its disk is filled.
    s3, body = server.client("s3"), os.urandom(MIB)
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="large", Body=body)
    for number in range(50):
        s3.put_object(Bucket="kept", Key=f"small-{number}", Body=b"small")

    ballast = server.disk / "ballast"
    ballast.write_bytes(bytes(8 * MIB))
    stored = fill_by_putting(s3, body)
    server.fill()
    code, status, message = refusal(s3.put_object, Bucket="kept", Key="more", Body=body)
    assert (code, status) == ("ServiceUnavailable", 503)
    assert "is full" in message
    assert "/data/objects" in message
    tiny = fill_by_putting(s3, os.urandom(60_000), name="tiny")
    keys = {entry["Key"] for entry in s3.list_objects_v2(Bucket="kept")["Contents"]}
    assert "more" not in keys
    assert set(stored) < keys
    for key in ("large", *stored):
        assert s3.get_object(Bucket="kept", Key=key)["Body"].read() == body

    for client, operation, params in (
        ("iam", "create_user", {"UserName": "u" * 60, "Tags": [{"Key": "k", "Value": "v" * 250}]}),
        ("logs", "create_log_group", {"logGroupName": "g" * 500}),
    ):
        call = getattr(server.client(client), operation)
        code = until_refused(lambda call=call, params=params: call(**renamed(params)))
        assert code == "ServiceUnavailable", client

    for number in range(50):
        s3.delete_object(Bucket="kept", Key=f"small-{number}")
    s3.delete_objects(Bucket="kept", Delete={"Objects": [{"Key": key} for key in stored + tiny]})
    left = {entry["Key"] for entry in s3.list_objects_v2(Bucket="kept")["Contents"]}
    assert left == {"large"}

    ballast.unlink()
    s3.put_object(Bucket="kept", Key="more", Body=body)
    assert s3.get_object(Bucket="kept", Key="more")["Body"].read() == body
    assert "Traceback" not in server.log.read_text()


def fill_by_putting(s3: Any, body: bytes, *, name: str = "filler") -> list[str]:
    """Put until it is refused; the keys that were taken."""
    stored: list[str] = []

    def put() -> None:
        key = f"{name}-{len(stored)}"
        s3.put_object(Bucket="kept", Key=key, Body=body)
        stored.append(key)

    assert until_refused(put) == "ServiceUnavailable"
    return stored


def until_refused(call: Any) -> str:
    """The code of the first refusal: what the disk has left in its logs is used up first."""
    for _ in range(3000):
        try:
            call()
        except ClientError as error:
            return error.response["Error"]["Code"]
    raise AssertionError("it is never refused")


NUMBERS = iter(range(1_000_000))


def renamed(params: dict[str, Any]) -> dict[str, Any]:
    """The same with a name of its own."""
    return {
        name: f"{value[:-8]}{next(NUMBERS):08}" if isinstance(value, str) else value
        for name, value in params.items()
    }
