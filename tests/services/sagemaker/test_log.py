"""Metrics in what a job prints."""

from time import monotonic

import pytest

from sagesse.engines.jobs.log import LogLine
from sagesse.services.sagemaker.log import find_metrics, metric_definitions

TANGLED = r"(a|aa)+[cb]$"  # tries more ways through a line of many a than there is time for
LONG = "a" * 60 + "d b c"


def values(regex: str, *lines: str) -> list[float]:
    definitions = metric_definitions([{"Name": "m", "Regex": regex}])
    found = find_metrics([LogLine(1000, line, 0) for line in lines], definitions)
    return [metric.value for metric in found]


@pytest.mark.parametrize(
    ("regex", "line", "found"),
    [
        (r"loss=([0-9.]+)", "loss=0.5", [0.5]),
        (r"loss=(\S+)", "loss=nan", []),
        (r"loss=(\S+)", "loss=soon", []),
        (r"#011rmse:(\S+)", "[1]\trmse:2.5\tmae:1", [2.5]),
        (r"#011rmse:(\S+)", "[1]#011rmse:2.5", [2.5]),
        (r"loss=(", "loss=1", []),
        (r"loss=\d", "loss=1", []),
    ],
)
def test_a_metric_is_the_number_in_group_1(regex: str, line: str, found: list[float]) -> None:
    assert values(regex, line) == found


def test_a_regex_that_takes_for_ever_finds_nothing_and_holds_nobody_up() -> None:
    begun = monotonic()
    assert values(TANGLED, *[LONG] * 1000) == []
    assert monotonic() - begun < 30


def test_a_regex_that_took_too_long_once_still_finds_what_is_easy() -> None:
    assert values(TANGLED.replace("(a", "([0-9]|a"), LONG, "7c") == [7.0]
