"""A fake server per test module."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.wire.fake import KEY, FakeServer


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServer]:
    with FakeServer(tmp_path_factory.mktemp("wire")) as server:
        yield server


@pytest.fixture
def boto(wire: FakeServer) -> Iterator[Callable[..., Any]]:
    """Makes clients of the server; other credentials or configuration by keyword."""
    clients: list[Any] = []

    def make(service: str, **options: Any) -> Any:
        config = Config(retries={"max_attempts": 0}).merge(options.pop("config", Config()))
        settings = {
            "endpoint_url": wire.url,
            "region_name": "eu-west-3",
            "aws_access_key_id": KEY.access_key_id,
            "aws_secret_access_key": KEY.secret,
            **options,
        }
        client = boto3.session.Session().client(service, config=config, **settings)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
