"""The conformance suite over every kind that the server has."""

from pathlib import Path

import pytest

from sagesse.app import App
from sagesse.config import Settings
from sagesse.testing.kind import KindSuite, Sample

from .samples import SAMPLES, WITHOUT_SAMPLE


@pytest.fixture(params=SAMPLES, ids=lambda sample: sample.kind.id)
def sample(request: pytest.FixtureRequest) -> Sample:
    return request.param


class TestKinds(KindSuite):
    """Every kind."""


def test_every_kind_has_a_sample(tmp_path: Path) -> None:
    app = App(Settings(data_dir=str(tmp_path), ephemeral=True))
    kinds = {kind.id for kind, _ in app.registry.kinds()}
    app.close()
    assert kinds - WITHOUT_SAMPLE == {sample.kind.id for sample in SAMPLES}
