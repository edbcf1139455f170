"""One process that forks writers for all crash tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.objects.crash.nursery import Nursery
from tests.engines.objects.crash.scenario import STARTING
from tests.engines.objects.crash.trace import CannotTrace


@pytest.fixture(scope="package")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery() as nursery:
        try:
            nursery.run(tmp_path_factory.mktemp("probe") / "s3", [])
        except CannotTrace as error:
            pytest.skip(f"this machine lets no process trace its child: {error}")
        yield nursery


@pytest.fixture(scope="package")
def template(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with something in it, closed."""
    folder = tmp_path_factory.mktemp("template") / "s3"
    assert nursery.run(folder, STARTING, makes_buckets=True).status == 0
    return folder
