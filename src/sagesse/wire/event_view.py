"""``GET /_sagesse/events``: the journal of the bus."""

import asyncio
from typing import Any
from urllib.parse import parse_qs

import msgspec
import orjson

from sagesse.core.event import Event
from sagesse.core.journal import Entry, Journal
from sagesse.wire.message import WireReply, WireRequest

MAX_LIMIT = 1000
_LIMIT = 100
_MEMBERS = frozenset({"after", "limit", "source"})


class EventView:
    """The endpoint.

    Args:
        journal: what it shows.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def __call__(self, request: WireRequest) -> WireReply:
        """Answer the entries behind ``after``, or the newest ones; ``last`` is the ``after`` of the next page."""
        try:
            asked = _asked(request.query)
        except ValueError as error:
            return _json(400, {"message": str(error)})
        entries = await asyncio.to_thread(self._entries, asked)
        last = entries[-1].sequence if entries else asked.get("after", self._journal.last)
        return _json(200, {"events": [_shown(entry) for entry in entries], "last": last})

    def _entries(self, asked: dict[str, Any]) -> list[Entry]:
        limit, source = asked.get("limit", _LIMIT), asked.get("source")
        if "after" not in asked:
            return self._journal.newest(limit, source=source)
        return self._journal.entries(after=asked["after"], limit=limit, source=source)


def _asked(query: str) -> dict[str, Any]:
    """The members of a query.

    Raises:
        ValueError: one is not known, or no number in its bounds.
    """
    asked: dict[str, Any] = {name: values[-1] for name, values in parse_qs(query).items()}
    if unknown := sorted(set(asked) - _MEMBERS):
        raise ValueError(f"{unknown[0][:100]} is not known; allowed: {', '.join(sorted(_MEMBERS))}")
    for name, least, most in (("after", 0, 2**63 - 1), ("limit", 1, MAX_LIMIT)):
        if name not in asked:
            continue
        text = asked[name]
        if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
            raise ValueError(f"{name} {text[:100]!r} is not a number from {least} to {most}")
        asked[name] = int(text)
    return asked


def _shown(entry: Entry) -> dict[str, Any]:
    message = entry.message
    kind = "event" if isinstance(message, Event) else "delivery"
    return {"sequence": entry.sequence, kind: msgspec.to_builtins(message)}


def _json(status: int, content: Any) -> WireReply:
    return WireReply(status, [("Content-Type", "application/json")], orjson.dumps(content))
