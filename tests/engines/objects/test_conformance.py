from collections.abc import Iterator
from pathlib import Path

import pytest

from sagesse.engines.objects import LocalObjectStore
from sagesse.testing.object_store import ObjectStoreSuite
from sagesse.testing.object_version import ObjectVersionSuite


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalObjectStore]:
    store = LocalObjectStore(tmp_path / "s3", min_part_bytes=0)
    yield store
    store.close()


class TestLocalObjectStore(ObjectStoreSuite):
    pass


class TestVersions(ObjectVersionSuite):
    pass
