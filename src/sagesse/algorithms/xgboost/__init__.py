"""XGBoost: gradient-boosted trees with the interface of SageMaker's built-in algorithm.

The xgboost library does the work. See docs/algorithms/xgboost.md for what differs from AWS.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from sagesse.algorithms.base import ClientError, Goal, Job, Metric, Model
from sagesse.algorithms.xgboost.params import GAINS, MetricName

if TYPE_CHECKING:
    from types import ModuleType


def _definition(channel: str, metric: str) -> Metric:
    goal: Goal = "Maximize" if metric in GAINS else "Minimize"
    return Metric(f"{channel}:{metric}", rf".*\[[0-9]+\].*#011{channel}-{metric}:(\S+)", goal)


METRICS = tuple(
    _definition(channel, metric) for channel in ("train", "validation") for metric in get_args(MetricName)
)


class XGBoost:
    """The algorithm as the platform sees it; xgboost is imported when it is used."""

    name = "xgboost"
    metrics = METRICS

    def train(self, job: Job) -> None:
        """Boost trees on the train channel and report each round."""
        _part("training").train(job)

    def load(self, model_dir: Path) -> Model:
        """Load a trained booster for inference."""
        return _part("inference").TreeModel(model_dir)


def _part(name: str) -> "ModuleType":
    for package in ("numpy", "xgboost"):
        if find_spec(package) is None:
            raise ClientError(f"the xgboost algorithm needs {package}: pip install 'sagesse[ml]'")
    return import_module(f"{__name__}.{name}")
