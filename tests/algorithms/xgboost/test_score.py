import numpy as np
import pytest

from sagesse.algorithms.xgboost.score import SCORES

TRUE = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1.0])
CHANCE = np.array([0.1, 0.2, 0.3, 0.9, 0.9, 0.8, 0.7, 0.6, 0.1, 0.2])  # 3 of 4 and 4 of 6 right; 5 named 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accuracy", 7 / 10),
        ("balanced_accuracy", (3 / 4 + 4 / 6) / 2),
        ("precision", 4 / 5),
        ("recall", 4 / 6),
        ("f1_binary", 8 / 11),
        ("f1", (6 / 9 + 8 / 11) / 2),
        ("f1_macro", (6 / 9 + 8 / 11) / 2),
        ("precision_macro", (3 / 5 + 4 / 5) / 2),
        ("recall_macro", (3 / 4 + 4 / 6) / 2),
        ("precision_micro", 7 / 10),
        ("recall_micro", 7 / 10),
        ("mse", float(np.mean((TRUE - CHANCE) ** 2))),
        ("r2", 1 - float(np.sum((TRUE - CHANCE) ** 2)) / 2.4),
    ],
)
def test_each_score_is_what_its_formula_gives_by_hand(name, value):
    assert SCORES[name](CHANCE, TRUE) == pytest.approx(value)


def test_of_several_classes_the_likeliest_is_named():
    chances = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    assert SCORES["accuracy"](chances, np.array([2.0, 1.0])) == 0.5


def test_a_constant_label_leaves_nothing_to_explain():
    assert SCORES["r2"](np.array([1.0, 2.0]), np.array([1.0, 1.0])) == 0.0
