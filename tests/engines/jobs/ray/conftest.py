"""A Ray cluster for the tests of a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sdk.interpreter import interpreter

from .cluster import Cluster


@pytest.fixture(scope="session")
def ray() -> Path:
    """A Python with Ray and Sagesse."""
    return interpreter("ray", Path(__file__).parent)


@pytest.fixture(scope="module")
def cluster(ray: Path) -> Iterator[Cluster]:
    """Two nodes of one core."""
    with Cluster(ray, (1, 1)) as running:
        yield running
