"""Clients by environment alone."""

from pathlib import Path

import pytest

from sagesse.testing.server import Server

from .client import Client
from .interpreter import interpreter


@pytest.fixture(scope="module")
def client(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Programs that know the server from environment variables."""
    return Client(server, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def sdk2() -> Path:
    """A Python with version 2 of the SageMaker SDK."""
    return interpreter("sdk2")


@pytest.fixture(scope="session")
def sdk3() -> Path:
    """A Python with version 3 of the SageMaker SDK."""
    return interpreter("sdk3")


@pytest.fixture(scope="session")
def data() -> Path:
    """A Python with the clients that read and write tables in S3."""
    return interpreter("data")
