"""The rules of a PutLogEvents batch: order, sizes, times."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sagesse.engines.streams.log import LogEvent
from sagesse.services.logs.error import invalid

_MAX_BATCH_BYTES = 1_048_576
_MAX_EVENT_BYTES = 1_048_576
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000


class Batch(NamedTuple):
    """The events to store, and `rejectedLogEventsInfo` about the others (empty when there are none)."""

    events: list[LogEvent]
    rejected: dict[str, int]


def accept(items: Sequence[Mapping[str, Any]], *, now: int, retention_days: int | None) -> Batch:
    """Check a batch and take out events that are too old, expired or too new (`now` in epoch ms).

    Raises:
        ServiceError: order, size or span of the batch is wrong.
    """
    events = [LogEvent(item["timestamp"], item["message"]) for item in items]
    _check_sizes(events)
    if any(first.timestamp > second.timestamp for first, second in pairwise(events)):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
    too_old = _count_before(events, now - 14 * _DAY_MS)
    expired = _count_before(events, now - retention_days * _DAY_MS) if retention_days else 0
    too_new = _count_before(events, now + 2 * _HOUR_MS + 1)
    rejected: dict[str, int] = {}
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old
    if expired:
        rejected["expiredLogEventEndIndex"] = expired
    if too_new < len(events):
        rejected["tooNewLogEventStartIndex"] = too_new
    kept = events[max(too_old, expired) : too_new]
    if kept and kept[-1].timestamp - kept[0].timestamp > _DAY_MS:
        raise invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    return Batch(kept, rejected)


def _check_sizes(events: Sequence[LogEvent]) -> None:
    sizes = [event.size for event in events]
    if max(sizes) > _MAX_EVENT_BYTES:
        raise invalid(f"Log event too large: {max(sizes)} bytes exceeds limit of {_MAX_EVENT_BYTES}")
    if sum(sizes) > _MAX_BATCH_BYTES:
        raise invalid(f"Upload too large: {sum(sizes)} bytes exceeds limit of {_MAX_BATCH_BYTES}")


def _count_before(events: Sequence[LogEvent], time: int) -> int:
    """How many events are earlier than `time`; they are in order."""
    return sum(event.timestamp < time for event in events)
