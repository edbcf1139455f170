"""PutLogEvents, GetLogEvents, FilterLogEvents."""

from collections.abc import Callable
from typing import Any

import pytest

from sagesse.core.error import ServiceError
from sagesse.core.scope import Scope
from sagesse.engines.streams.log_sqlite import SqliteLogStore
from sagesse.services.logs import Events

Op = Callable[..., Any]
DAY_MS = 86_400_000


def events(*pairs: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"timestamp": timestamp, "message": message} for timestamp, message in pairs]


def texts(answer: Any) -> list[str]:
    return [event["message"] for event in answer["events"]]


@pytest.fixture
def ten(op: Op, stream: dict[str, str], now: int) -> dict[str, str]:
    """A stream of ten events, one a second."""
    op(
        "PutLogEvents",
        **stream,
        logEvents=events(*((now + number * 1000, str(number)) for number in range(10))),
    )
    return stream


def test_put_and_get(op: Op, stream: dict[str, str], now: int) -> None:
    op("PutLogEvents", **stream, logEvents=events((now, "hello")))
    assert op("GetLogEvents", **stream)["events"] == [
        {"timestamp": now, "message": "hello", "ingestionTime": now}
    ]


def test_the_latest_events_come_without_start_from_head(op: Op, ten: dict[str, str]) -> None:
    assert texts(op("GetLogEvents", **ten, limit=3)) == ["7", "8", "9"]


def test_forward_tokens_lead_through_all_events(op: Op, ten: dict[str, str]) -> None:
    seen: list[str] = []
    params: dict[str, Any] = {"startFromHead": True, "limit": 4}
    while True:
        page = op("GetLogEvents", **ten, **params)
        if page["nextForwardToken"] == params.get("nextToken"):
            break
        seen += texts(page)
        params["nextToken"] = page["nextForwardToken"]
    assert seen == list("0123456789")


def test_backward_tokens_lead_through_all_events(op: Op, ten: dict[str, str]) -> None:
    seen: list[str] = []
    params: dict[str, Any] = {"limit": 4}
    while True:
        page = op("GetLogEvents", **ten, **params)
        if page["nextBackwardToken"] == params.get("nextToken"):
            break
        seen = texts(page) + seen
        params["nextToken"] = page["nextBackwardToken"]
    assert seen == list("0123456789")


def test_turning_round_at_the_end_gives_the_last_page(op: Op, ten: dict[str, str]) -> None:
    end = op("GetLogEvents", **ten, startFromHead=True)["nextForwardToken"]
    past_end = op("GetLogEvents", **ten, startFromHead=True, nextToken=end)
    assert texts(op("GetLogEvents", **ten, nextToken=past_end["nextBackwardToken"], limit=2)) == ["8", "9"]


def test_an_end_token_sees_events_that_come_later(op: Op, ten: dict[str, str], now: int) -> None:
    token = op("GetLogEvents", **ten, startFromHead=True)["nextForwardToken"]
    op("PutLogEvents", **ten, logEvents=events((now + 9000, "later")))
    assert texts(op("GetLogEvents", **ten, startFromHead=True, nextToken=token)) == ["later"]


def test_a_token_of_an_empty_stream_sees_the_first_event(op: Op, stream: dict[str, str], now: int) -> None:
    token = op("GetLogEvents", **stream, startFromHead=True)["nextForwardToken"]
    op("PutLogEvents", **stream, logEvents=events((now, "first")))
    assert texts(op("GetLogEvents", **stream, startFromHead=True, nextToken=token)) == ["first"]


def test_end_time_is_excluded_by_get_and_included_by_filter(op: Op, ten: dict[str, str], now: int) -> None:
    window = {"startTime": now + 1000, "endTime": now + 3000}
    assert texts(op("GetLogEvents", **ten, **window)) == ["1", "2"]
    assert texts(op("FilterLogEvents", logGroupName="/g", **window)) == ["1", "2", "3"]


def test_a_group_is_named_by_its_arn_too(op: Op, ten: dict[str, str]) -> None:
    arn = op("DescribeLogGroups")["logGroups"][0]["logGroupArn"]
    assert len(op("GetLogEvents", logGroupIdentifier=arn, logStreamName="s")["events"]) == 10


@pytest.mark.parametrize("token", ["x", "f/1/s", f"f/{9 * 10**19:020d}{1:036d}/s", "f/" + "٣" * 56 + "/s"])
def test_foreign_tokens_are_refused(op: Op, ten: dict[str, str], token: str) -> None:
    with pytest.raises(ServiceError, match="nextToken is invalid"):
        op("GetLogEvents", **ten, nextToken=token)
    with pytest.raises(ServiceError, match="nextToken is invalid"):
        op("FilterLogEvents", logGroupName="/g", nextToken=token)


def test_a_missing_stream_and_a_missing_group_are_told_apart(op: Op, stream: dict[str, str]) -> None:
    with pytest.raises(
        ServiceError, match=r"^ResourceNotFoundException: The specified log stream does not exist\.$"
    ):
        op("GetLogEvents", logGroupName="/g", logStreamName="none")
    with pytest.raises(
        ServiceError, match=r"^ResourceNotFoundException: The specified log group does not exist\.$"
    ):
        op("PutLogEvents", logGroupName="none", logStreamName="s", logEvents=events((1, "x")))


def test_events_out_of_order_are_refused(op: Op, stream: dict[str, str], now: int) -> None:
    with pytest.raises(ServiceError, match="chronological order"):
        op("PutLogEvents", **stream, logEvents=events((now, "b"), (now - 1, "a")))


def test_a_batch_over_a_mebibyte_is_refused(op: Op, stream: dict[str, str], now: int) -> None:
    with pytest.raises(ServiceError, match="Upload too large: 1048578 bytes exceeds limit of 1048576"):
        op("PutLogEvents", **stream, logEvents=events((now, "x" * 524_263), (now, "x" * 524_263)))


def test_a_batch_may_not_span_more_than_a_day(op: Op, stream: dict[str, str], now: int) -> None:
    with pytest.raises(ServiceError, match="cannot span more than 24 hours"):
        op("PutLogEvents", **stream, logEvents=events((now - DAY_MS - 1, "a"), (now, "b")))


def test_events_of_the_wrong_time_are_left_out_and_told(op: Op, stream: dict[str, str], now: int) -> None:
    times = (now - 15 * DAY_MS, now, now + 3 * 3_600_000)
    answer = op("PutLogEvents", **stream, logEvents=events(*((time, str(time)) for time in times)))
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}
    assert texts(op("GetLogEvents", **stream)) == [str(now)]


def test_expired_events_are_rejected(op: Op, stream: dict[str, str], now: int) -> None:
    op("PutRetentionPolicy", logGroupName="/g", retentionInDays=1)
    answer = op("PutLogEvents", **stream, logEvents=events((now - 2 * DAY_MS, "old")))
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}


def test_filter_interleaves_streams_and_pages(op: Op, ten: dict[str, str], now: int) -> None:
    op("CreateLogStream", logGroupName="/g", logStreamName="t")
    op("PutLogEvents", logGroupName="/g", logStreamName="t", logEvents=events((now + 500, "between")))
    first = op("FilterLogEvents", logGroupName="/g", limit=2)
    rest = op("FilterLogEvents", logGroupName="/g", nextToken=first["nextToken"])
    assert texts(first) + texts(rest) == ["0", "between", *"123456789"]
    assert "nextToken" not in rest


def test_filter_newest_first_pages_backwards(op: Op, ten: dict[str, str]) -> None:
    first = op("FilterLogEvents", logGroupName="/g", limit=2, startFromHead=False)
    rest = op("FilterLogEvents", logGroupName="/g", limit=2, nextToken=first["nextToken"])
    assert texts(first) + texts(rest) == ["9", "8", "7", "6"]


def test_filter_takes_streams_by_name_or_prefix(op: Op, ten: dict[str, str]) -> None:
    assert texts(op("FilterLogEvents", logGroupName="/g", logStreamNamePrefix="other")) == []
    assert len(texts(op("FilterLogEvents", logGroupName="/g", logStreamNames=["s"]))) == 10
    with pytest.raises(ServiceError, match="log stream does not exist"):
        op("FilterLogEvents", logGroupName="/g", logStreamNames=["none"])


def test_filter_takes_a_pattern(op: Op, ten: dict[str, str]) -> None:
    answer = op("FilterLogEvents", logGroupName="/g", filterPattern="?3 ?5")
    assert texts(answer) == ["3", "5"]
    assert all(len(event["eventId"]) == 56 and event["logStreamName"] == "s" for event in answer["events"])


def test_reading_is_granted_on_the_stream(tmp_path: Any) -> None:
    store = SqliteLogStore(tmp_path / "logs.db", durable=False)
    params = {"logGroupName": "/g", "logStreamName": "s"}
    (grant,) = Events(store)._grants("GetLogEvents", params, Scope("1", "r"))
    store.close()
    assert grant == ("logs:GetLogEvents", "arn:aws:logs:r:1:log-group:/g:log-stream:s")
