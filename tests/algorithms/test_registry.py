import re
import subprocess
import sys

import pytest

from sagesse.algorithms.registry import ALGORITHMS, algorithm


@pytest.mark.parametrize("repository", sorted(ALGORITHMS))
def test_each_repository_has_an_algorithm_with_metrics(repository):
    found = algorithm(repository)
    assert found.metrics
    assert all(re.compile(metric.regex).groups == 1 for metric in found.metrics)


def test_both_xgboost_repositories_mean_one_algorithm():
    assert type(algorithm("xgboost")) is type(algorithm("sagemaker-xgboost"))


def test_naming_the_metrics_imports_no_numeric_library():
    code = (
        "import sys; from sagesse.algorithms.registry import ALGORITHMS, algorithm\n"
        "for name in ALGORITHMS: algorithm(name).metrics\n"
        "print([name for name in ('torch', 'xgboost', 'numpy', 'PIL') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
