from pathlib import Path

import pytest

from sagesse.algorithms import image_classification, xgboost
from sagesse.algorithms.image_classification.params import Params as ImageParams
from sagesse.algorithms.parameter import markdown
from sagesse.algorithms.xgboost.params import UNSUPPORTED
from sagesse.algorithms.xgboost.params import Params as TreeParams

DOCS = Path(__file__).parents[2] / "docs" / "algorithms"


@pytest.mark.parametrize(("name", "kind"), [("image-classification", ImageParams), ("xgboost", TreeParams)])
def test_the_table_of_hyperparameters_is_current(name, kind):
    assert markdown(kind) in (DOCS / f"{name}.md").read_text()


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_every_refused_hyperparameter_is_listed(name):
    assert f"`{name}`" in (DOCS / "xgboost.md").read_text()


@pytest.mark.parametrize(
    ("name", "metrics"),
    [("image-classification", image_classification.METRICS), ("xgboost", xgboost.METRICS)],
)
def test_every_metric_is_listed(name, metrics):
    text = (DOCS / f"{name}.md").read_text()
    assert [m.name for m in metrics if m.name not in text and m.name.partition(":")[2] not in text] == []
