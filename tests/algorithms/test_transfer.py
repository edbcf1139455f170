"""What the shipped backbone must be worth on marbles; benchmarks/transfer.py has the full measurement."""

import importlib.util
from pathlib import Path

import pytest

from sagesse.demo.marble import dataset

_FILE = Path(__file__).parents[2] / "benchmarks" / "transfer.py"


def _benchmark():
    spec = importlib.util.spec_from_file_location("transfer_benchmark", _FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("photos", [50, 400])
def test_transfer_beats_the_same_network_from_scratch_by_ten_points(photos):
    benchmark = _benchmark()
    test = list(dataset(benchmark.TEST_PHOTOS, benchmark.TEST_SEED))
    learnt, scratch = (benchmark.accuracy(photos, 0, test, transfer=transfer) for transfer in (True, False))
    assert learnt >= scratch + 0.10


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_demo_reaches_95_percent_of_photos_it_has_not_seen():
    benchmark = _benchmark()
    test = list(dataset(benchmark.TEST_PHOTOS, benchmark.TEST_SEED))
    given = {"epochs": "10", "mini_batch_size": "32"}
    assert benchmark.accuracy(640, 1, test, transfer=True, given=given) >= 0.95
