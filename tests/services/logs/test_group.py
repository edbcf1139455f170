"""Log groups and streams."""

from collections.abc import Callable
from typing import Any

import pytest

from sagesse.core.error import ServiceError

Op = Callable[..., Any]


def test_a_group_is_described(op: Op, now: int) -> None:
    op("CreateLogGroup", logGroupName="/g")
    op("PutRetentionPolicy", logGroupName="/g", retentionInDays=7)
    arn = "arn:aws:logs:eu-central-1:123456789012:log-group:/g"
    assert op("DescribeLogGroups")["logGroups"] == [
        {
            "logGroupName": "/g",
            "creationTime": now,
            "metricFilterCount": 0,
            "arn": f"{arn}:*",
            "logGroupArn": arn,
            "storedBytes": 0,
            "logGroupClass": "STANDARD",
            "retentionInDays": 7,
        }
    ]


def test_groups_come_in_pages(op: Op) -> None:
    for name in "abc":
        op("CreateLogGroup", logGroupName=name)
    first = op("DescribeLogGroups", limit=2)
    rest = op("DescribeLogGroups", limit=2, nextToken=first["nextToken"])
    names = [group["logGroupName"] for group in first["logGroups"] + rest["logGroups"]]
    assert names == ["a", "b", "c"]
    assert "nextToken" not in rest


def test_a_deleted_retention_is_not_shown(op: Op) -> None:
    op("CreateLogGroup", logGroupName="/g")
    op("PutRetentionPolicy", logGroupName="/g", retentionInDays=7)
    op("DeleteRetentionPolicy", logGroupName="/g")
    assert "retentionInDays" not in op("DescribeLogGroups")["logGroups"][0]


def test_only_the_listed_retentions_are_taken(op: Op) -> None:
    op("CreateLogGroup", logGroupName="/g")
    with pytest.raises(ServiceError, match="Invalid retentionInDays: 2"):
        op("PutRetentionPolicy", logGroupName="/g", retentionInDays=2)


@pytest.mark.parametrize(
    "member",
    [{"kmsKeyId": "k"}, {"logGroupClass": "INFREQUENT_ACCESS"}, {"deletionProtectionEnabled": True}],
)
def test_what_is_not_supported_is_refused(op: Op, member: dict[str, Any]) -> None:
    with pytest.raises(ServiceError, match="InvalidParameterException"):
        op("CreateLogGroup", logGroupName="/g", **member)


def test_a_group_is_made_once(op: Op) -> None:
    op("CreateLogGroup", logGroupName="/g")
    with pytest.raises(ServiceError, match="ResourceAlreadyExistsException"):
        op("CreateLogGroup", logGroupName="/g")


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("DeleteLogGroup", {}),
        ("CreateLogStream", {"logStreamName": "s"}),
        ("DeleteLogStream", {"logStreamName": "s"}),
        ("DescribeLogStreams", {}),
        ("PutRetentionPolicy", {"retentionInDays": 1}),
        ("ListTagsLogGroup", {}),
        ("FilterLogEvents", {}),
        ("FilterLogEvents", {"logStreamNames": ["s"]}),
    ],
)
def test_a_missing_group_is_not_found(op: Op, operation: str, params: dict[str, Any]) -> None:
    with pytest.raises(
        ServiceError, match="ResourceNotFoundException: The specified log group does not exist"
    ):
        op(operation, logGroupName="none", **params)


def test_tags_are_one_set_for_both_families(op: Op) -> None:
    op("CreateLogGroup", logGroupName="/g", tags={"a": "1"})
    arn = op("DescribeLogGroups")["logGroups"][0]["arn"]
    op("TagResource", resourceArn=arn, tags={"b": "2"})
    op("UntagLogGroup", logGroupName="/g", tags=["a"])
    assert op("ListTagsForResource", resourceArn=arn)["tags"] == {"b": "2"}


def test_the_fifty_first_tag_is_refused(op: Op) -> None:
    op("CreateLogGroup", logGroupName="/g", tags={str(number): "" for number in range(50)})
    with pytest.raises(ServiceError, match="TooManyTagsException"):
        op("TagLogGroup", logGroupName="/g", tags={"one more": ""})


def test_streams_are_ordered_by_name_or_last_event(op: Op, now: int) -> None:
    op("CreateLogGroup", logGroupName="/g")
    for name, age in (("a", 0), ("b", 2), ("c", 1)):
        op("CreateLogStream", logGroupName="/g", logStreamName=name)
        event = {"timestamp": now - age, "message": "x"}
        op("PutLogEvents", logGroupName="/g", logStreamName=name, logEvents=[event])

    def names(**params: Any) -> list[str]:
        first = op("DescribeLogStreams", logGroupName="/g", limit=2, **params)
        rest = op("DescribeLogStreams", logGroupName="/g", limit=2, nextToken=first["nextToken"], **params)
        return [stream["logStreamName"] for stream in first["logStreams"] + rest["logStreams"]]

    assert names() == ["a", "b", "c"]
    assert names(descending=True) == ["c", "b", "a"]
    assert names(orderBy="LastEventTime", descending=True) == ["a", "c", "b"]


def test_a_prefix_is_not_ordered_by_time(op: Op, stream: dict[str, str]) -> None:
    with pytest.raises(ServiceError, match="Cannot order by LastEventTime"):
        op("DescribeLogStreams", logGroupName="/g", logStreamNamePrefix="s", orderBy="LastEventTime")


def test_an_empty_stream_shows_no_event_times(op: Op, stream: dict[str, str], now: int) -> None:
    (shown,) = op("DescribeLogStreams", logGroupName="/g")["logStreams"]
    assert shown["creationTime"] == now
    assert "firstEventTimestamp" not in shown


def test_a_stream_is_made_once_and_deleted(op: Op, stream: dict[str, str]) -> None:
    with pytest.raises(ServiceError, match="The specified log stream already exists"):
        op("CreateLogStream", **stream)
    op("DeleteLogStream", **stream)
    with pytest.raises(ServiceError, match="The specified log stream does not exist"):
        op("DeleteLogStream", **stream)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:logs:eu-west-1:123456789012:log-group:/g",
        "arn:aws:logs:eu-central-1:999999999999:log-group:/g:*",
        "arn:aws:s3:eu-central-1:123456789012:log-group:/g",
    ],
)
def test_a_group_of_another_account_or_region_is_not_seen(op: Op, stream: dict[str, str], arn: str) -> None:
    for operation, members in [
        ("TagResource", {"resourceArn": arn, "tags": {"a": "b"}}),
        ("ListTagsForResource", {"resourceArn": arn}),
        ("GetLogEvents", {"logGroupIdentifier": arn, "logStreamName": "s"}),
        ("FilterLogEvents", {"logGroupIdentifier": arn}),
        ("DescribeLogStreams", {"logGroupIdentifier": arn}),
        ("DescribeLogGroups", {"logGroupIdentifiers": [arn]}),
    ]:
        with pytest.raises(ServiceError, match="ResourceNotFoundException"):
            op(operation, **members)


def test_another_account_has_no_groups(op: Op, stream: dict[str, str]) -> None:
    assert op("DescribeLogGroups", accountIdentifiers=["999999999999"]) == {"logGroups": []}
    assert len(op("DescribeLogGroups", accountIdentifiers=["123456789012"])["logGroups"]) == 1
