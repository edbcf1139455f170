"""Which built-in algorithm a SageMaker image repository means; nothing heavy is imported until it is used."""

from importlib import import_module
from typing import cast

from sagesse.algorithms.base import Algorithm

ALGORITHMS: dict[str, str] = {
    "image-classification": "sagesse.algorithms.image_classification:ImageClassification",
    "xgboost": "sagesse.algorithms.xgboost:XGBoost",
    "sagemaker-xgboost": "sagesse.algorithms.xgboost:XGBoost",
}


def algorithm(repository: str) -> Algorithm:
    """The algorithm behind an image repository name such as `image-classification`.

    Raises:
        KeyError: no built-in algorithm has this repository.
    """
    module, _, name = ALGORITHMS[repository].partition(":")
    return cast(Algorithm, getattr(import_module(module), name)())
