"""Image classification with residual networks, from scratch or by transfer learning.

Takes the channels, hyperparameters and log lines of SageMaker's `image-classification`; torch does the work.
See docs/algorithms/image-classification.md for what differs from AWS.
"""

import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sagesse.algorithms.base import ClientError, Job, Metric, Model

if TYPE_CHECKING:
    from types import ModuleType

METRICS = (
    Metric("train:accuracy", r"Epoch\[\d+\] Train-accuracy=(\S+)", "Maximize"),
    Metric("validation:accuracy", r"Epoch\[\d+\] Validation-accuracy=(\S+)", "Maximize"),
    Metric("train:accuracy:epoch", r"Epoch\[\d+\] Train-accuracy=(\S+)", "Maximize"),
    Metric("validation:accuracy:epoch", r"Epoch\[\d+\] Validation-accuracy=(\S+)", "Maximize"),
    Metric("train:loss", r"Epoch\[\d+\] Train-cross-entropy=(\S+)", "Minimize"),
    Metric("validation:loss", r"Epoch\[\d+\] Validation-cross-entropy=(\S+)", "Minimize"),
    Metric("epoch:time", r"Epoch\[\d+\] Time cost=(\S+)", None, "Seconds"),
)


class ImageClassification:
    """The algorithm as the platform sees it; torch is imported when it is used."""

    name = "image-classification"
    metrics = METRICS

    def train(self, job: Job) -> None:
        """Train on the listed images and keep the epoch that validates best."""
        _part("training").train(job)

    def load(self, model_dir: Path) -> Model:
        """Load a trained network for inference."""
        return _part("inference").ImageModel(model_dir)


def _part(name: str) -> "ModuleType":
    for package in ("torch", "PIL", "numpy"):
        if find_spec(package) is None:
            raise ClientError(f"image-classification needs {package}: pip install 'sagesse[deep]'")
    # OpenMP reads this once, when torch loads it: threads that wait by spinning make training on a busy
    # machine ten times slower. A parent process that has loaded torch already must have set it itself.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    return import_module(f"{__name__}.{name}")
