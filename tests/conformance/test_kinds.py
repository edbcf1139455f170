"""The conformance suite over every kind that the server has."""

import pytest

from sagesse.testing.kind import KindSuite, Sample

from .samples import SAMPLES


@pytest.fixture(params=SAMPLES, ids=lambda sample: sample.kind.id)
def sample(request: pytest.FixtureRequest) -> Sample:
    return request.param


class TestKinds(KindSuite):
    """Every kind."""
