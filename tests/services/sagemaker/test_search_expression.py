"""SageMaker's filter language, against plain Python; and what it refuses."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.services.sagemaker._search_expression import compile_expression
from sagesse.services.sagemaker._search_property import find_property, property_names

SHAPE = "TrainingJob"


def holds(expression: dict[str, Any], facts: dict[str, Any]) -> bool:
    return compile_expression(expression, SHAPE)(facts)


def one(name: str, operator: str, value: str | None = None) -> dict[str, Any]:
    return {"Filters": [{"Name": name, "Operator": operator, **({"Value": value} if value else {})}]}


JOB: dict[str, Any] = {
    "TrainingJobName": "marble-1",
    "TrainingJobStatus": "Completed",
    "CreationTime": datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC).timestamp(),
    "TrainingTimeInSeconds": 40,
    "EnableManagedSpotTraining": True,
    "HyperParameters": {"eta": "0.1", "a.b": "x", "objective": "reg:squarederror"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
    "InputDataConfig": [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://a/train"}}},
        {"ChannelName": "test", "DataSource": {"S3DataSource": {"S3Uri": "s3://b/test"}}},
    ],
    "FinalMetricDataList": [{"MetricName": "validation:rmse", "Value": 0.25, "Timestamp": 1.0}],
    "Tags": [{"Key": "team", "Value": "vision"}],
}


@pytest.mark.parametrize(
    ("name", "operator", "value"),
    [
        ("TrainingJobName", "Equals", "marble-1"),
        ("TrainingJobName", "Contains", "arble"),
        ("TrainingJobName", "In", "x, marble-1"),
        ("TrainingJobStatus", "NotEquals", "Failed"),
        ("FailureReason", "NotEquals", "x"),
        ("FailureReason", "NotExists", None),
        ("ModelArtifacts", "NotExists", None),
        ("InputDataConfig", "Exists", None),
        ("CreationTime", "Equals", "2026-05-01T12:00:00"),
        ("CreationTime", "GreaterThan", "2026-05-01T12:00:00"),
        ("CreationTime", "LessThanOrEqualTo", "2026-05-01T14:00:01+02:00"),
        ("TrainingTimeInSeconds", "GreaterThanOrEqualTo", "40"),
        ("TrainingTimeInSeconds", "LessThan", "4.1e1"),
        ("EnableManagedSpotTraining", "Equals", "true"),
        ("HyperParameters.eta", "LessThan", "0.5"),
        ("HyperParameters.eta", "Equals", "0.1"),
        ("HyperParameters.a.b", "Equals", "x"),
        ("HyperParameters.objective", "Contains", "squared"),
        ("ResourceConfig.InstanceType", "Equals", "ml.m5.large"),
        ("ResourceConfig.InstanceCount", "Equals", "2"),
        ("InputDataConfig.ChannelName", "Equals", "test"),
        ("Metrics.validation:rmse", "LessThan", "0.3"),
        ("FinalMetricDataList.MetricName", "Equals", "validation:rmse"),
        ("Tags.team", "Equals", "vision"),
        ("Tags.owner", "NotExists", None),
    ],
)
def test_a_filter_holds(name: str, operator: str, value: str | None) -> None:
    assert holds(one(name, operator, value), JOB)


@pytest.mark.parametrize(
    ("name", "operator", "value"),
    [
        ("TrainingJobName", "Equals", "marble"),
        ("TrainingJobName", "In", "marble,-1"),
        ("CreationTime", "LessThan", "2026-05-01T12:00:00"),
        ("HyperParameters.objective", "GreaterThan", "1"),
        ("HyperParameters.none", "Equals", "1"),
        ("Metrics.validation:rmse", "GreaterThan", "0.25"),
        ("Tags.team", "NotEquals", "vision"),
        ("EnableManagedSpotTraining", "Equals", "false"),
    ],
)
def test_a_filter_does_not_hold(name: str, operator: str, value: str) -> None:
    assert not holds(one(name, operator, value), JOB)


def nested(channel: str, uri: str) -> dict[str, Any]:
    filters = [
        {"Name": "InputDataConfig.ChannelName", "Operator": "Equals", "Value": channel},
        {"Name": "InputDataConfig.DataSource.S3DataSource.S3Uri", "Operator": "Contains", "Value": uri},
    ]
    return {"NestedFilters": [{"NestedPropertyName": "InputDataConfig", "Filters": filters}]}


def test_one_element_must_satisfy_all_of_a_nested_filter() -> None:
    assert holds(nested("train", "s3://a"), JOB)
    assert not holds(nested("train", "s3://b"), JOB)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ({}, "at least one"),
        ({"Filters": [], "SubExpressions": [{}]}, "at least one"),
        (one("TrainingJobNam", "Exists"), "Unknown property name: TrainingJobNam"),
        (one("ResourceConfig.Instance", "Exists"), "Unknown property name"),
        (one("Tags", "Equals", "x"), "Operator Equals is not supported for property Tags"),
        (one("TrainingJobName", "GreaterThan", "x"), "Operator GreaterThan is not supported"),
        (one("TrainingTimeInSeconds", "Contains", "1"), "Operator Contains is not supported"),
        (one("TrainingTimeInSeconds", "Equals", "many"), "Invalid value 'many'"),
        (one("TrainingTimeInSeconds", "Equals", "nan"), "Invalid value 'nan'"),
        (one("CreationTime", "Equals", "yesterday"), "YYYY-mm-dd'T'HH:MM:SS"),
        (one("EnableManagedSpotTraining", "Equals", "yes"), "allowed: true, false"),
        (one("TrainingJobName", "Equals"), "needs a Value"),
        (
            {"NestedFilters": [{"NestedPropertyName": "TrainingJobName", "Filters": []}]},
            "NestedPropertyName TrainingJobName is not allowed",
        ),
        (
            {
                "NestedFilters": [
                    {
                        "NestedPropertyName": "InputDataConfig",
                        "Filters": [{"Name": "TrainingJobName", "Operator": "Exists"}],
                    }
                ]
            },
            "Unknown property name: TrainingJobName",
        ),
        (
            {"Filters": [*one("TrainingJobName", "Contains", "a")["Filters"]] * 2},
            "'CONTAINS' operator usage limit of 1 exceeded.",
        ),
        (
            {"SubExpressions": [{"Filters": one("TrainingJobName", "Exists")["Filters"] * 20}] * 3},
            "allowed: 50",
        ),
    ],
)
def test_what_is_wrong_is_refused(expression: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError) as refusal:
        compile_expression(expression, SHAPE)
    assert refusal.value.code == "ValidationException"
    assert said in refusal.value.message


def test_every_property_of_the_model_is_found() -> None:
    names = property_names(SHAPE)
    assert "InputDataConfig.DataSource.S3DataSource.S3Uri" in names
    assert all(find_property(SHAPE, name).values({}) == [] for name in names)


# Random expressions over random jobs, against an evaluation that knows nothing of the model.

NUMBERS = {
    "TrainingTimeInSeconds": lambda job: (
        [job["TrainingTimeInSeconds"]] if "TrainingTimeInSeconds" in job else []
    ),
    "ResourceConfig.InstanceCount": lambda job: [job["ResourceConfig"]["InstanceCount"]],
    "Metrics.loss": lambda job: [m["Value"] for m in job["FinalMetricDataList"] if m["MetricName"] == "loss"],
}
TEXTS = {
    "TrainingJobName": lambda job: [job["TrainingJobName"]],
    "ResourceConfig.InstanceType": lambda job: [job["ResourceConfig"]["InstanceType"]],
    "Tags.t": lambda job: [tag["Value"] for tag in job["Tags"] if tag["Key"] == "t"],
    "InputDataConfig.ChannelName": lambda job: [channel["ChannelName"] for channel in job["InputDataConfig"]],
}
words = st.sampled_from(["a", "b", "ab", "ba", "abc"])
small = st.integers(0, 4)
jobs = st.fixed_dictionaries(
    {
        "TrainingJobName": words,
        "ResourceConfig": st.fixed_dictionaries({"InstanceType": words, "InstanceCount": small}),
        "Tags": st.lists(st.fixed_dictionaries({"Key": st.sampled_from("tu"), "Value": words}), max_size=2),
        "InputDataConfig": st.lists(
            st.fixed_dictionaries({"ChannelName": words, "ContentType": words}), max_size=3
        ),
        "FinalMetricDataList": st.lists(
            st.fixed_dictionaries({"MetricName": st.sampled_from(["loss", "acc"]), "Value": small}),
            max_size=2,
        ),
    },
    optional={"TrainingTimeInSeconds": small},
)
number_filters = st.builds(
    lambda name, operator, value: {"Name": name, "Operator": operator, "Value": str(value)},
    st.sampled_from(sorted(NUMBERS)),
    st.sampled_from(
        ["Equals", "NotEquals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"]
    ),
    small,
)
text_filters = st.builds(
    lambda name, operator, values: {"Name": name, "Operator": operator, "Value": ",".join(values)},
    st.sampled_from(sorted(TEXTS)),
    st.sampled_from(["Equals", "NotEquals", "In"]),
    st.lists(words, min_size=1, max_size=2),
)
presence_filters = st.builds(
    lambda name, operator: {"Name": name, "Operator": operator},
    st.sampled_from(sorted({**NUMBERS, **TEXTS})),
    st.sampled_from(["Exists", "NotExists"]),
)
filters = st.lists(number_filters | text_filters | presence_filters, min_size=1, max_size=3)
nested_filters = st.builds(
    lambda pairs: {
        "NestedPropertyName": "InputDataConfig",
        "Filters": [
            {"Name": f"InputDataConfig.{member}", "Operator": "Equals", "Value": value}
            for member, value in pairs
        ],
    },
    st.lists(st.tuples(st.sampled_from(["ChannelName", "ContentType"]), words), min_size=1, max_size=3),
)
operators = st.sampled_from(["And", "Or"])
leaves = st.fixed_dictionaries(
    {"Filters": filters}, optional={"Operator": operators}
) | st.fixed_dictionaries(
    {"NestedFilters": st.lists(nested_filters, min_size=1, max_size=2)}, optional={"Operator": operators}
)
expressions = st.recursive(
    leaves,
    lambda parts: st.fixed_dictionaries(
        {"SubExpressions": st.lists(parts, min_size=1, max_size=3)},
        optional={"Operator": operators, "Filters": filters},
    ),
    max_leaves=5,
)


def plain(expression: dict[str, Any], job: dict[str, Any]) -> bool:
    parts = [plain_filter(item, job) for item in expression.get("Filters", [])]
    for item in expression.get("NestedFilters", []):
        parts.append(
            any(
                all(channel[f["Name"].split(".")[1]] == f["Value"] for f in item["Filters"])
                for channel in job["InputDataConfig"]
            )
        )
    parts += [plain(part, job) for part in expression.get("SubExpressions", [])]
    return any(parts) if expression.get("Operator") == "Or" else all(parts)


def plain_filter(item: dict[str, Any], job: dict[str, Any]) -> bool:
    name, operator, value = item["Name"], item["Operator"], item.get("Value", "")
    have = (NUMBERS.get(name) or TEXTS[name])(job)
    wanted = float(value) if name in NUMBERS and value else value
    match operator:
        case "Exists":
            return have != []
        case "NotExists":
            return have == []
        case "Equals":
            return wanted in have
        case "NotEquals":
            return wanted not in have
        case "In":
            return any(one in value.split(",") for one in have)
        case "GreaterThan":
            return any(one > wanted for one in have)
        case "GreaterThanOrEqualTo":
            return any(one >= wanted for one in have)
        case "LessThan":
            return any(one < wanted for one in have)
        case _:
            return any(one <= wanted for one in have)


@given(expressions, jobs)
def test_an_expression_means_what_plain_python_says(expression: dict[str, Any], job: dict[str, Any]) -> None:
    assert holds(expression, job) == plain(expression, job)


texts = st.text(max_size=12)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"Name": texts | st.sampled_from(property_names(SHAPE)), "Value": texts},
            optional={
                "Operator": st.sampled_from(["Equals", "LessThan", "In", "Exists", "Contains", "GreaterThan"])
            },
        ),
        min_size=1,
        max_size=3,
    )
)
def test_any_filter_is_compiled_or_refused(filters: list[dict[str, str]]) -> None:
    assert refusal_code({"Filters": filters}) in {"", "ValidationException"}


def refusal_code(expression: dict[str, Any]) -> str:
    try:
        compile_expression(expression, SHAPE)(JOB)
    except ServiceError as error:
        return error.code
    return ""
