"""PutMetricData, GetMetricStatistics, ListMetrics."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sagesse.core.error import ServiceError
from sagesse.core.service import Registry
from sagesse.engines.metrics.sqlite import SqliteMetricStore
from sagesse.services.cloudwatch import Metrics
from sagesse.testing.clock import HandClock

Op = Callable[..., Any]
JOB = [{"Name": "TrainingJobName", "Value": "job-1"}]


def put(op: Op, *data: dict[str, Any]) -> None:
    op("PutMetricData", Namespace="Jobs", MetricData=[{"MetricName": "loss", **datum} for datum in data])


def statistics(op: Op, clock: HandClock, **params: Any) -> Any:
    defaults: dict[str, Any] = {"Period": 60, "StartTime": clock.now() - 600, "EndTime": clock.now() + 600}
    return op("GetMetricStatistics", Namespace="Jobs", MetricName="loss", **{**defaults, **params})


def test_values_come_back_as_statistics(op: Op, clock: HandClock) -> None:
    now = clock.now()
    put(
        op,
        *({"Value": value, "Dimensions": JOB, "Timestamp": now + at} for at, value in ((0, 1.0), (30, 3.0))),
    )
    every = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"]
    answer = statistics(op, clock, Dimensions=JOB, Statistics=every)
    assert answer == {
        "Label": "loss",
        "Datapoints": [
            {
                "Timestamp": now,
                "Unit": "None",
                "SampleCount": 2,
                "Average": 2.0,
                "Sum": 4.0,
                "Minimum": 1.0,
                "Maximum": 3.0,
            }
        ],
    }


def test_other_dimensions_are_another_metric(op: Op, clock: HandClock) -> None:
    put(op, {"Value": 1.0, "Dimensions": JOB})
    assert statistics(op, clock, Statistics=["Sum"])["Datapoints"] == []


def test_values_and_counts(op: Op, clock: HandClock) -> None:
    put(op, {"Values": [1.0, 10.0, 5.0], "Counts": [98, 2, 0]})
    (found,) = statistics(op, clock, ExtendedStatistics=["p50", "p99.9"])["Datapoints"]
    assert found["ExtendedStatistics"] == {"p50": 1.0, "p99.9": 10.0}
    (found,) = statistics(op, clock, Statistics=["SampleCount", "Maximum"])["Datapoints"]
    assert (found["SampleCount"], found["Maximum"]) == (100, 10.0)


def test_a_statistic_set(op: Op, clock: HandClock) -> None:
    put(op, {"StatisticValues": {"SampleCount": 4, "Sum": 8, "Minimum": 1, "Maximum": 5}})
    (found,) = statistics(op, clock, Statistics=["Average", "Maximum"])["Datapoints"]
    assert (found["Average"], found["Maximum"]) == (2.0, 5.0)


def test_the_start_is_rounded_down_to_a_minute(op: Op, clock: HandClock) -> None:
    put(op, {"Value": 1.0})
    (found,) = statistics(op, clock, StartTime=clock.now() + 30, Statistics=["Sum"])["Datapoints"]
    assert found["Timestamp"] == clock.now()


@pytest.mark.parametrize(
    ("member", "code", "text"),
    [
        ({}, "MissingRequiredParameterException", "The parameter MetricData.member.1.Value is required."),
        (
            {"Value": 1, "Values": [1]},
            "InvalidParameterCombinationException",
            "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive "
            "and you have specified both.",
        ),
        (
            {"Value": math.nan},
            "InvalidParameterValueException",
            "nan for parameter MetricData.member.1.Value is",
        ),
        ({"Value": math.inf}, "InvalidParameterValueException", "The value inf"),
        ({"Value": 1e200}, "InvalidParameterValueException", "The value 1e\\+200"),
        ({"Values": [1, 2], "Counts": [1]}, "InvalidParameterValueException", "same size"),
        ({"Values": [1] * 151}, "InvalidParameterValueException", "greater than 150"),
        ({"Values": []}, "MissingRequiredParameterException", "Values is required"),
        ({"Value": 1, "StorageResolution": 30}, "InvalidParameterValueException", "must be 1 or 60"),
        ({"Value": 1, "Timestamp": 1_690_000_000}, "InvalidParameterValueException", "two weeks in the past"),
        (
            {"Value": 1, "Timestamp": 1_700_010_000},
            "InvalidParameterValueException",
            "two hours in the future",
        ),
        ({"Value": 1, "Dimensions": JOB * 2}, "InvalidParameterValueException", "more than once"),
        (
            {"StatisticValues": {"SampleCount": 0, "Sum": 0, "Minimum": 0, "Maximum": 0}},
            "InvalidParameterValueException",
            "greater than 0",
        ),
    ],
)
def test_wrong_data_are_refused(op: Op, member: dict[str, Any], code: str, text: str) -> None:
    with pytest.raises(ServiceError, match=text) as caught:
        put(op, member)
    assert caught.value.code == code


def test_one_wrong_datum_stores_none(op: Op, clock: HandClock) -> None:
    with pytest.raises(ServiceError):
        put(op, {"Value": 1.0}, {"Value": math.nan})
    assert statistics(op, clock, Statistics=["Sum"])["Datapoints"] == []


def test_more_than_a_thousand_data_are_refused(op: Op) -> None:
    with pytest.raises(ServiceError, match="greater than 1000"):
        put(op, *({"Value": 1.0} for _ in range(1001)))


def test_namespaces_of_aws_are_reserved(op: Op) -> None:
    with pytest.raises(ServiceError, match="parameter Namespace is invalid"):
        op("PutMetricData", Namespace="AWS/EC2", MetricData=[{"MetricName": "x", "Value": 1}])


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"Statistics": ["Sum"], "Period": 90}, "InvalidParameterValueException"),
        (
            {"Statistics": ["Sum"], "Period": 1, "EndTime": 1_700_002_000},
            "InvalidParameterCombinationException",
        ),
        ({"Statistics": ["Sum"], "EndTime": 1}, "InvalidParameterCombinationException"),
        ({}, "MissingRequiredParameterException"),
        ({"Statistics": ["Sum"], "ExtendedStatistics": ["p1"]}, "InvalidParameterCombinationException"),
        ({"ExtendedStatistics": ["tm99"]}, "InvalidParameterValueException"),
    ],
)
def test_wrong_questions_are_refused(op: Op, clock: HandClock, params: dict[str, Any], code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        statistics(op, clock, **params)
    assert caught.value.code == code


def test_metrics_are_listed_by_filter(op: Op) -> None:
    put(op, {"Value": 1.0, "Dimensions": JOB}, {"Value": 1.0})
    listed = op("ListMetrics", Namespace="Jobs", Dimensions=[{"Name": "TrainingJobName"}])["Metrics"]
    assert listed == [{"Namespace": "Jobs", "MetricName": "loss", "Dimensions": JOB}]


def test_metrics_are_listed_in_pages(op: Op) -> None:
    put(op, *({"Value": 1.0, "Dimensions": [{"Name": "n", "Value": str(number)}]} for number in range(501)))
    first = op("ListMetrics")
    rest = op("ListMetrics", NextToken=first["NextToken"])
    assert (len(first["Metrics"]), len(rest["Metrics"]), "NextToken" in rest) == (500, 1, False)


def test_a_foreign_list_token_is_refused(op: Op) -> None:
    with pytest.raises(ServiceError, match="InvalidParameterValueException"):
        op("ListMetrics", NextToken="bm9uZQ==")


def test_metrics_that_fell_silent_are_not_listed(op: Op, clock: HandClock) -> None:
    put(op, {"Value": 1.0})
    clock.turn(4 * 3600)
    assert op("ListMetrics", RecentlyActive="PT3H")["Metrics"] == []
    assert len(op("ListMetrics")["Metrics"]) == 1
    clock.turn(14 * 86_400)
    assert op("ListMetrics")["Metrics"] == []


def test_the_namespace_of_data_is_a_condition_key(tmp_path: Path) -> None:
    store = SqliteMetricStore(tmp_path / "metrics.db", durable=False)
    handler = Registry([Metrics(store)]).find("cloudwatch", "PutMetricData")
    store.close()

    assert handler.facts("PutMetricData", {"Namespace": "Jobs"}) == {"cloudwatch:namespace": "Jobs"}
