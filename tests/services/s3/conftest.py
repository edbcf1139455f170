"""One server for the S3 tests, and a fresh bucket for each."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(scope="package")
def s3(server: Server) -> Any:
    return server.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


class Refusals:
    """Calls an operation and gives the error it is refused with."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __call__(self, operation: str, **params: Any) -> tuple[str, int]:
        error = self.error(operation, **params)
        return error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]

    def error(self, operation: str, **params: Any) -> dict[str, Any]:
        with pytest.raises(ClientError) as caught:
            getattr(self._client, operation)(**params)
        return caught.value.response


@pytest.fixture(scope="package")
def refused(s3: Any) -> Refusals:
    return Refusals(s3)
