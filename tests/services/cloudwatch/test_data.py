"""GetMetricData: metrics, expressions, pages."""

from collections.abc import Callable
from typing import Any

import pytest

from sagesse.core.error import ServiceError
from sagesse.testing.clock import HandClock

Op = Callable[..., Any]


def metric(name: str, stat: str = "Average", **more: Any) -> dict[str, Any]:
    stat_of = {"Metric": {"Namespace": "Jobs", "MetricName": name}, "Period": 60, "Stat": stat}
    return {"Id": name, "MetricStat": stat_of, **more}


def expression(text: str, name: str = "e", **more: Any) -> dict[str, Any]:
    return {"Id": name, "Expression": text, **more}


@pytest.fixture
def ask(op: Op, clock: HandClock) -> Op:
    """Five minutes of `a` = 1, 2, 3, 4, 5 and of `b` = 10, -, 30, -, 50."""
    start = clock.now()
    data = [{"MetricName": "a", "Value": n + 1.0, "Timestamp": start + 60 * n} for n in range(5)]
    data += [{"MetricName": "b", "Value": 10.0 * (n + 1), "Timestamp": start + 60 * n} for n in (0, 2, 4)]
    op("PutMetricData", Namespace="Jobs", MetricData=data)

    def run(*queries: dict[str, Any], **params: Any) -> Any:
        whole: dict[str, Any] = {"StartTime": start, "EndTime": start + 300, "ScanBy": "TimestampAscending"}
        return op("GetMetricData", MetricDataQueries=list(queries), **{**whole, **params})

    return run


@pytest.fixture
def value(ask: Op) -> Callable[[str], list[float]]:
    """The values of an expression over `a` and `b`."""

    def of(text: str) -> list[float]:
        hidden = [metric("a", ReturnData=False), metric("b", ReturnData=False)]
        (result,) = ask(*hidden, expression(text))["MetricDataResults"]
        return result["Values"]

    return of


def test_a_metric(ask: Op, clock: HandClock) -> None:
    (result,) = ask(metric("b"))["MetricDataResults"]
    start = clock.now()
    assert result == {
        "Id": "b",
        "Label": "b",
        "Timestamps": [start, start + 120, start + 240],
        "Values": [10.0, 30.0, 50.0],
        "StatusCode": "Complete",
    }


def test_the_newest_comes_first_unless_asked_otherwise(ask: Op) -> None:
    answer = ask(metric("b"), ScanBy="TimestampDescending")
    assert answer["MetricDataResults"][0]["Values"] == [50.0, 30.0, 10.0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a * 2 + 1", [3, 5, 7, 9, 11]),
        ("1 - a", [0, -1, -2, -3, -4]),
        ("-a", [-1, -2, -3, -4, -5]),
        ("b / a", [10, 10, 10]),
        ("2 ^ a", [2, 4, 8, 16, 32]),
        ("(a + b) / 11", [1, 3, 5]),
        ("a / (a - 3)", [-0.5, -2, 4, 2.5]),
        ("a > 2 AND a <= 4", [0, 0, 1, 1, 0]),
        ("a - AVG(a)", [-2, -1, 0, 1, 2]),
        ("a / MAX(a)", [0.2, 0.4, 0.6, 0.8, 1.0]),
        ("a - MIN(a) + SUM(b)", [90, 91, 92, 93, 94]),
        ("SUM([a, b])", [11, 2, 33, 4, 55]),
        ("SUM(METRICS())", [11, 2, 33, 4, 55]),
        ("AVG(METRICS('b'))", [10, 30, 50]),
        ("FILL(b, 0)", [10, 0, 30, 0, 50]),
        ("FILL(b, REPEAT)", [10, 10, 30, 30, 50]),
        ("FILL(b, LINEAR)", [10, 20, 30, 40, 50]),
        ("DIFF(a)", [1, 1, 1, 1]),
        ("RATE(b)", [20 / 120, 20 / 120]),
        ("RUNNING_SUM(a)", [1, 3, 6, 10, 15]),
        ("IF(a > 3, a, 0)", [0, 0, 0, 4, 5]),
        ("IF(a > 3, a)", [4, 5]),
        ("CEIL(a / 2)", [1, 1, 2, 2, 3]),
        ("FIRST([a, b])", [1, 2, 3, 4, 5]),
        ("TIME_SERIES(METRIC_COUNT(METRICS()))", [2, 2, 2, 2, 2]),
        ("a * PERIOD(a) / 60", [1, 2, 3, 4, 5]),
        (
            "LOG(a - 1)",
            [
                0,
                pytest.approx(0.693, abs=1e-3),
                pytest.approx(1.0986, abs=1e-3),
                pytest.approx(1.386, abs=1e-3),
            ],
        ),
    ],
)
def test_expressions(value: Callable[[str], list[float]], text: str, expected: list[float]) -> None:
    assert value(text) == pytest.approx(expected, abs=1e-3)


def test_a_long_sum_needs_no_recursion(value: Callable[[str], list[float]]) -> None:
    assert value("+".join(["a"] * 1000)) == [1000, 2000, 3000, 4000, 5000]


def test_expressions_use_one_another_in_any_order(ask: Op) -> None:
    queries = [
        expression("f + 1", "e"),
        expression("a * 2", "f", ReturnData=False),
        metric("a", ReturnData=False),
    ]
    assert ask(*queries)["MetricDataResults"][0]["Values"] == [3, 5, 7, 9, 11]


def test_an_array_gives_a_result_for_each_series(ask: Op) -> None:
    answer = ask(metric("a", ReturnData=False), metric("b", ReturnData=False), expression("METRICS() * 2"))
    assert [(one["Id"], one["Label"], one["Values"][0]) for one in answer["MetricDataResults"]] == [
        ("e", "a", 2.0),
        ("e", "b", 20.0),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SEARCH('x', 'Sum', 60)", "does not support the function SEARCH"),
        ("SELECT AVG(x) FROM y", "Metrics Insights"),
        ("a +", "is not expected"),
        ("a b", "is not expected"),
        ("(a", "'.' is missing"),
        ("a ; b", "cannot read"),
        ("none + 1", "no Id of this call"),
        ("SUM(a)", "must be a time series"),
        ("e + 1", "depend on one another"),
        ("SUM(1)", "takes a time series"),
        ("METRICS() + METRICS()", "two arrays"),
        ("FILL(a)", "two arguments"),
        ("FIRST(a)", "does not take such an argument"),
        ("(" * 100 + "a" + ")" * 100, "levels of nesting"),
        ("-" * 2000 + "a", "levels of nesting"),
    ],
)
def test_wrong_expressions_are_refused(value: Callable[[str], list[float]], text: str, reason: str) -> None:
    with pytest.raises(ServiceError, match=reason) as caught:
        value(text)
    assert caught.value.code == "ValidationError"


@pytest.mark.parametrize(
    "query",
    [
        metric("a", stat="tm99"),
        metric("a", Id="Upper"),
        metric("a", Expression="1"),
        metric("a", AccountId="1"),
        metric("a", Label="${LAST}"),
        {"Id": "x"},
    ],
)
def test_wrong_queries_are_refused(ask: Op, query: dict[str, Any]) -> None:
    with pytest.raises(ServiceError, match="ValidationError"):
        ask(query)


def test_pages_hold_so_many_points(ask: Op) -> None:
    seen: dict[str, list[float]] = {"a": [], "b": []}
    params: dict[str, Any] = {"MaxDatapoints": 3}
    statuses: list[str] = []
    while True:
        answer = ask(metric("a"), metric("b"), **params)
        for result in answer["MetricDataResults"]:
            seen[result["Id"]] += result["Values"]
            statuses.append(result["StatusCode"])
        if "NextToken" not in answer:
            break
        params["NextToken"] = answer["NextToken"]
    assert seen == {"a": [1, 2, 3, 4, 5], "b": [10, 30, 50]}
    assert statuses == ["PartialData", "PartialData", "Complete", "PartialData", "Complete", "Complete"]


def test_a_foreign_token_is_refused(ask: Op) -> None:
    with pytest.raises(ServiceError, match="InvalidNextToken"):
        ask(metric("a"), NextToken="x")


@pytest.mark.parametrize(
    ("expressions", "message"),
    [
        (["a + b"] + [f"[e{n}, e{n}]" for n in range(60)], "at most 500 time series"),
        (["TIME_SERIES(1)" + " + TIME_SERIES(1)" * 100], "more than 3,000,000 datapoints"),
        (["SUM([" + "TIME_SERIES(1)," * 100 + "TIME_SERIES(1)])"], "more than 3,000,000 datapoints"),
    ],
)
def test_expressions_that_make_points_without_end_are_refused(
    ask: Op, clock: HandClock, expressions: list[str], message: str
) -> None:
    queries = [expression(text, f"e{number}", Period=1) for number, text in enumerate(expressions)]
    with pytest.raises(ServiceError, match=message):
        ask(metric("a"), metric("b"), *queries, EndTime=clock.now() + 100_000)


@pytest.mark.parametrize("text", ["CEIL(FILL(b, 1e999))", "FLOOR(TIME_SERIES(1e999))", "FILL(b, 1e308 * 10)"])
def test_what_is_infinite_has_no_point(value: Callable[[str], list[float]], text: str) -> None:
    assert set(value(text)) <= {10, 30, 50}
