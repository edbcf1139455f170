"""Version 3 of the SageMaker SDK, unmodified. Slow: it is a gigabyte to install, and polls for half a minute."""

import io
import tarfile
from pathlib import Path

import pytest

from sagesse.testing.server import Server

from .client import Client

pytestmark = [pytest.mark.sdk, pytest.mark.slow, pytest.mark.timeout(1800)]


def names_in(server: Server, uri: str) -> list[str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return [Path(member.name).name for member in archive if member.isfile()]


def test_scripts_and_a_built_in_algorithm_are_trained(client: Client, server: Server, sdk3: Path) -> None:
    answer = client.flow("v3_train", sdk3)
    assert answer["role"] == "arn:aws:iam::123456789012:role/sagemaker"
    python, shell, builtin = answer["artifacts"]
    assert names_in(server, python) == ["model.json"]
    assert names_in(server, shell) == ["count.txt"]
    assert names_in(server, builtin) == ["xgboost-model"]


def test_torchrun_runs_on_two_instances(client: Client, server: Server, sdk3: Path) -> None:
    uri = client.flow("v3_hosts", sdk3)["model"]
    assert sorted(names_in(server, uri)) == ["algo-1-of-3", "algo-2-of-3"]


def test_a_model_is_built_deployed_and_asked(client: Client, sdk3: Path) -> None:
    assert all(answer > 0.5 for answer in client.flow("v3_deploy", sdk3)["answers"])
