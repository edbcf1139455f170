"""Metrics that SageMaker's container offers beyond the library's own, from the confusion matrix."""

# pyright: reportUnknownMemberType=false
# xgboost types DMatrix only partly.

from collections.abc import Callable
from typing import cast

import numpy as np
import xgboost
from numpy.typing import NDArray

Array = NDArray[np.float64]
Score = Callable[[Array, Array], float]  # predictions (rows,) or (rows, classes), labels (rows,)


def _confusion(predictions: Array, labels: Array) -> Array:
    """Counts, rows by true class and columns by the predicted one."""
    named = predictions.argmax(1) if predictions.ndim == 2 else np.rint(predictions).astype(np.int64)
    classes = int(max(named.max(initial=0), labels.max(initial=0), 1)) + 1
    pairs = labels.astype(np.int64) * classes + named
    return (
        np.bincount(pairs.clip(0), minlength=classes**2)[: classes**2]
        .reshape(classes, classes)
        .astype(np.float64)
    )


def _rates(predictions: Array, labels: Array) -> tuple[Array, Array, Array]:
    """Precision, recall and F1 of each class that occurs; 0 where there is nothing to divide by."""
    table = _confusion(predictions, labels)
    hit, named, true = np.diag(table), table.sum(0), table.sum(1)
    kept = (named + true) > 0
    hit, named, true = hit[kept], named[kept], true[kept]
    return hit / np.maximum(named, 1), hit / np.maximum(true, 1), 2 * hit / np.maximum(named + true, 1)


def _accuracy(predictions: Array, labels: Array) -> float:
    table = _confusion(predictions, labels)
    return float(np.trace(table) / max(table.sum(), 1))


def _balanced(predictions: Array, labels: Array) -> float:
    table = _confusion(predictions, labels)
    true = table.sum(1)
    return float((np.diag(table)[true > 0] / true[true > 0]).mean())


def _macro(which: int) -> Score:
    return lambda predictions, labels: float(_rates(predictions, labels)[which].mean())


def _binary(which: int) -> Score:
    def score(predictions: Array, labels: Array) -> float:
        table = _confusion(predictions, labels)
        hit, named, true = table[1, 1], table[:, 1].sum(), table[1].sum()
        return float((hit / max(named, 1), hit / max(true, 1), 2 * hit / max(named + true, 1))[which])

    return score


def _squared(predictions: Array, labels: Array) -> float:
    return float(np.mean((predictions - labels) ** 2))


def _explained(predictions: Array, labels: Array) -> float:
    spread = float(np.sum((labels - labels.mean()) ** 2))
    return 1 - float(np.sum((predictions - labels) ** 2)) / spread if spread else 0.0


SCORES: dict[str, Score] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced,
    "f1": _macro(2),
    "f1_binary": _binary(2),
    "f1_macro": _macro(2),
    "mse": _squared,
    "precision": _binary(0),
    "precision_macro": _macro(0),
    "precision_micro": _accuracy,  # of single-label classes the micro average is the accuracy
    "r2": _explained,
    "recall": _binary(1),
    "recall_macro": _macro(1),
    "recall_micro": _accuracy,
}


def combined(names: list[str]) -> Callable[[Array, xgboost.DMatrix], list[tuple[str, float]]]:
    """One function for `xgboost.train` that answers all of `names`."""

    def evaluate(predictions: Array, rows: xgboost.DMatrix) -> list[tuple[str, float]]:
        labels = cast("Array", rows.get_label())
        return [(name, SCORES[name](predictions, labels)) for name in names]

    return evaluate
