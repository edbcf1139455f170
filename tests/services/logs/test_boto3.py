"""CloudWatch Logs through boto3 and a real server."""

import time
from typing import Any

import pytest

from sagesse.testing.server import Server


@pytest.fixture(scope="module")
def logs(server: Server) -> Any:
    return server.client("logs")


def test_events_come_back_in_order(logs: Any) -> None:
    logs.create_log_group(logGroupName="/jobs", tags={"team": "a"})
    logs.create_log_stream(logGroupName="/jobs", logStreamName="job/algo-1")
    now = int(time.time() * 1000)
    events = [{"timestamp": now + number, "message": f"line {number}"} for number in range(3)]
    logs.put_log_events(logGroupName="/jobs", logStreamName="job/algo-1", logEvents=events)
    page = logs.get_log_events(logGroupName="/jobs", logStreamName="job/algo-1", startFromHead=True)
    assert [event["message"] for event in page["events"]] == ["line 0", "line 1", "line 2"]
    streams = logs.describe_log_streams(
        logGroupName="/jobs", logStreamNamePrefix="job/", orderBy="LogStreamName"
    )
    assert streams["logStreams"][0]["lastEventTimestamp"] == now + 2


def test_boto3_paginates_a_search(logs: Any) -> None:
    logs.create_log_group(logGroupName="/search")
    logs.create_log_stream(logGroupName="/search", logStreamName="s")
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": f"{number} ERROR"} for number in range(25)]
    logs.put_log_events(logGroupName="/search", logStreamName="s", logEvents=events)
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="/search", filterPattern="ERROR", PaginationConfig={"PageSize": 10}
    )
    assert [event["message"] for page in pages for event in page["events"]] == [e["message"] for e in events]


def test_a_missing_stream_raises_the_modelled_error(logs: Any) -> None:
    with pytest.raises(logs.exceptions.ResourceNotFoundException, match="log group does not exist"):
        logs.get_log_events(logGroupName="/none", logStreamName="s")
