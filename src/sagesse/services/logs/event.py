"""Log events: writing, reading a stream, searching a group."""

import re
from collections.abc import Sequence
from typing import Any

from sagesse.core.call import Context
from sagesse.core.scope import Scope
from sagesse.core.service import Params, Result
from sagesse.engines.streams.log import LogStream, Position, Query, StoredEvent
from sagesse.services.logs.base import LogsService, missing_as_errors, read_token, wanted_group, write_token
from sagesse.services.logs.batch import accept
from sagesse.services.logs.error import invalid, invalid_token, no_group, no_stream
from sagesse.services.logs.pattern import compile_pattern

_MAX_EVENTS = 10_000
_TOKEN = re.compile(r"([fb])/(\d{20})(\d{36})/s")
_LARGEST = 2**62


class Events(LogsService):
    """Operations on log events."""

    def put_log_events(self, ctx: Context, req: Params) -> Result:
        """Append a batch; on disk when answered. Events of the wrong time are left out and told so."""
        group, stream = req["logGroupName"], req["logStreamName"]
        known = self._logs.group(ctx.scope, group)
        if known is None:
            raise no_group()
        now = int(ctx.now() * 1000)
        batch = accept(req["logEvents"], now=now, retention_days=known.retention_days)
        with missing_as_errors():
            self._logs.append(ctx.scope, group, stream, batch.events)
        result: dict[str, Any] = {"nextSequenceToken": f"{now:056d}"}
        if batch.rejected:
            result["rejectedLogEventsInfo"] = batch.rejected
        if "entity" in req:
            result["rejectedEntityInfo"] = {"errorType": "UnsupportedLogGroupType"}
        return result

    def get_log_events(self, ctx: Context, req: Params) -> Result:
        """A page of a stream, oldest first within the page; its tokens lead on in both directions."""
        group, stream = wanted_group(ctx.scope, req), req["logStreamName"]
        is_forward, place = req.get("startFromHead", False), None
        if "nextToken" in req:
            is_forward, place = _read_place(req["nextToken"])
        query = Query(
            start=req.get("startTime"),
            end=req.get("endTime"),
            after=place if is_forward else None,
            before=None if is_forward else place,
            newest_first=not is_forward,
            limit=req.get("limit", _MAX_EVENTS),
        )
        with missing_as_errors():
            events = self._logs.read(ctx.scope, group, stream, query)
        if not is_forward:
            events.reverse()
        before, after = _ends(events, query, is_forward=is_forward)
        return {
            "events": [_shown(event) for event in events],
            "nextForwardToken": _write_place("f", after),
            "nextBackwardToken": _write_place("b", before),
        }

    def filter_log_events(self, ctx: Context, req: Params) -> Result:
        """Events of a group's streams that match a pattern, in one order of time."""
        group = wanted_group(ctx.scope, req)
        matches = compile_pattern(req.get("filterPattern", ""))
        last_ms = req.get("endTime")
        query = Query(
            start=req.get("startTime"),
            end=None if last_ms is None else last_ms + 1,
            newest_first=not req.get("startFromHead", True),
            limit=req.get("limit", _MAX_EVENTS),
        )
        if "nextToken" in req:
            query = _go_on(query, req["nextToken"])
        with missing_as_errors():
            streams = _within(self._wanted_streams(ctx.scope, group, req), query)
            page = self._logs.search(ctx.scope, group, streams, matches, query)
        result: dict[str, Any] = {
            "events": [_found(event) for event in page.events],
            "searchedLogStreams": [],  # as AWS since 2020
        }
        if page.stopped_at is not None:
            result["nextToken"] = write_token(int(query.newest_first), *page.stopped_at)
        return result

    def _wanted_streams(self, scope: Scope, group: str, req: Params) -> list[LogStream]:
        names: Sequence[str] | None = req.get("logStreamNames")
        if names is None:
            return self._logs.streams(scope, group, prefix=req.get("logStreamNamePrefix", ""))
        if "logStreamNamePrefix" in req:
            raise invalid("logStreamNames and logStreamNamePrefix are mutually exclusive.")
        if self._logs.group(scope, group) is None:
            raise no_group()
        found = [self._logs.stream(scope, group, name) for name in dict.fromkeys(names)]
        streams = [stream for stream in found if stream is not None]
        if len(streams) < len(found):
            raise no_stream()
        return streams


def _ends(events: list[StoredEvent], query: Query, *, is_forward: bool) -> tuple[Position, Position]:
    """Where the pages before and behind this one begin.

    An empty page keeps the place it was asked for, so its token comes back unchanged; turning round there
    gives the event the page began at.
    """
    if events:
        return events[0].position, events[-1].position
    if query.after is not None and is_forward:
        return Position(query.after.timestamp, query.after.id + 1), query.after
    if query.before is not None:
        return query.before, Position(query.before.timestamp, max(query.before.id - 1, -1))
    start = Position(query.start or 0, -1)
    return start, start


def _write_place(way: str, place: Position) -> str:
    return f"{way}/{place.timestamp:020d}{place.id + 1:036d}/s"


def _read_place(token: str) -> tuple[bool, Position]:
    """Whether the token leads forward, and from where."""
    found = _TOKEN.fullmatch(token)
    if found is None or not found[0].isascii():
        raise invalid_token()
    place = Position(int(found[2]), int(found[3]) - 1)
    if max(place) > _LARGEST:
        raise invalid_token()
    return found[1] == "f", place


def _go_on(query: Query, token: str) -> Query:
    newest_first, timestamp, event_id = read_token(token, int, int, int)
    place = Position(timestamp, event_id)
    if max(map(abs, place)) > _LARGEST:
        raise invalid_token()
    if newest_first:
        return query._replace(before=place, newest_first=True)
    return query._replace(after=place, newest_first=False)


def _within(streams: list[LogStream], query: Query) -> list[str]:
    """The streams that may have events in the query's window."""
    start, end = query.start or 0, query.end
    return [
        stream.name
        for stream in streams
        if stream.first_event is not None
        and (stream.last_event or 0) >= start
        and (end is None or stream.first_event < end)
    ]


def _shown(event: StoredEvent) -> dict[str, Any]:
    return {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingested}


def _found(event: StoredEvent) -> dict[str, Any]:
    event_id = f"{event.timestamp:020d}{event.id:036d}"
    return {"logStreamName": event.stream, **_shown(event), "eventId": event_id}
