"""Log streams: their life and listing."""

from collections.abc import Callable
from typing import Any

from sagesse.core.call import Context
from sagesse.core.scope import Scope
from sagesse.core.service import Params, Result
from sagesse.engines.streams.log import AlreadyThere, LogStream
from sagesse.services.logs.base import (
    LogsService,
    group_arn,
    missing_as_errors,
    read_token,
    wanted_group,
    write_token,
)
from sagesse.services.logs.error import invalid, no_group, no_stream, stream_exists

_PAGE = 50


class Streams(LogsService):
    """Operations on log streams."""

    def create_log_stream(self, ctx: Context, req: Params) -> Result:
        """Make an empty stream."""
        with missing_as_errors():
            try:
                self._logs.create_stream(ctx.scope, req["logGroupName"], req["logStreamName"])
            except AlreadyThere:
                raise stream_exists() from None
        return None

    def delete_log_stream(self, ctx: Context, req: Params) -> Result:
        """Remove a stream; the space is freed soon after."""
        if not self._logs.delete_stream(ctx.scope, req["logGroupName"], req["logStreamName"]):
            known = self._logs.group(ctx.scope, req["logGroupName"])
            raise no_stream() if known else no_group()
        return None

    def describe_log_streams(self, ctx: Context, req: Params) -> Result:
        """Streams by name or by their latest event."""
        by_time = req.get("orderBy", "LogStreamName") == "LastEventTime"
        prefix = req.get("logStreamNamePrefix", "")
        if by_time and prefix:
            raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        group = wanted_group(ctx.scope, req)
        with missing_as_errors():
            streams = self._logs.streams(ctx.scope, group, prefix=prefix)
        descending = req.get("descending", False)
        streams.sort(key=_place(by_time), reverse=descending)
        if "nextToken" in req:
            streams = _behind(streams, req["nextToken"], by_time=by_time, descending=descending)
        limit: int = req.get("limit", _PAGE)
        result: dict[str, Any] = {"logStreams": [_shown(ctx.scope, group, item) for item in streams[:limit]]}
        if len(streams) > limit:
            result["nextToken"] = write_token(*_place(by_time)(streams[limit - 1]))
        return result


def _place(by_time: bool) -> Callable[[LogStream], tuple[int, str]]:
    """The sort key of a listing, which is also what its tokens hold."""

    def place(stream: LogStream) -> tuple[int, str]:
        latest = stream.last_event if stream.last_event is not None else -1
        return (latest if by_time else 0, stream.name)

    return place


def _behind(streams: list[LogStream], token: str, *, by_time: bool, descending: bool) -> list[LogStream]:
    latest, name = read_token(token, int, str)
    place, last = _place(by_time), (latest, name)
    if descending:
        return [stream for stream in streams if place(stream) < last]
    return [stream for stream in streams if place(stream) > last]


def _shown(scope: Scope, group: str, stream: LogStream) -> dict[str, Any]:
    shown = {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "firstEventTimestamp": stream.first_event,
        "lastEventTimestamp": stream.last_event,
        "lastIngestionTime": stream.last_ingested,
        "uploadSequenceToken": f"{stream.last_ingested or 0:056d}",
        "arn": f"{group_arn(scope, group)}:log-stream:{stream.name}",
        "storedBytes": 0,  # AWS reports none for streams since 2019
    }
    return {member: value for member, value in shown.items() if value is not None}
