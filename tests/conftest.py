"""One server per test module; its clients; and hypothesis without deadlines, for noisy machines."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sagesse.testing.server import Server

settings.register_profile("sagesse", deadline=None)
settings.load_profile("sagesse")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An ephemeral server in a process of its own, shared by the tests of a module."""
    folder: Path = tmp_path_factory.mktemp("server")
    with Server(folder) as running:
        yield running
