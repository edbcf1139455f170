"""What the bus carries: events, as EventBridge has them, and deliveries, which are addressed to one destination."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

import msgspec

from sagesse.core.identifier import new_request_id
from sagesse.core.scope import Scope, parse_arn


class Event(msgspec.Struct, frozen=True, kw_only=True, rename={"detail_type": "detail-type"}):
    """Something that happened, in EventBridge's envelope; `time` in UTC with whole seconds.

    `detail` has nothing but JSON's types.
    """

    version: str = "0"
    id: str
    detail_type: str
    source: str
    account: str
    time: str
    region: str
    resources: list[str]
    detail: dict[str, Any]

    @property
    def envelope(self) -> dict[str, Any]:
        """The event as JSON has it, for patterns and readers."""
        return msgspec.to_builtins(self)


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message for one destination (the ARN of a queue, a topic, a function) and for nobody else.

    Args:
        source: who sends it ("aws.s3").
        origin: the ARN of the resource it is about; policies know it as ``aws:SourceArn``.
        body: the message, of JSON's types.
    """

    id: str
    source: str
    destination: str
    account: str
    region: str
    time: str
    origin: str
    body: dict[str, Any]

    @property
    def service(self) -> str:
        """The service of the destination ("sqs")."""
        arn = parse_arn(self.destination)
        return arn.service if arn is not None else ""


Message: TypeAlias = Event | Delivery


class Packed(NamedTuple):
    """A message as it is stored; `service` is that of its destination, empty for an event."""

    id: str
    service: str
    source: str
    body: bytes

    @property
    def message(self) -> Message:
        """The message."""
        return _decode_delivery(self.body) if self.service else _decode_event(self.body)


_encode = msgspec.msgpack.Encoder().encode
_decode_event = msgspec.msgpack.Decoder(Event).decode
_decode_delivery = msgspec.msgpack.Decoder(Delivery).decode


def pack(message: Message) -> Packed:
    """A message as it is stored."""
    service = message.service if isinstance(message, Delivery) else ""
    return Packed(message.id, service, message.source, _encode(message))


def new_event(
    source: str,
    detail_type: str,
    scope: Scope,
    resources: Sequence[str],
    detail: Mapping[str, Any],
    now: float,
) -> Event:
    """An event that happens now, with an id of its own."""
    return Event(
        id=new_request_id(),
        detail_type=detail_type,
        source=source,
        account=scope.account,
        time=event_time(now),
        region=scope.region,
        resources=list(resources),
        detail=dict(detail),
    )


def event_time(now: float) -> str:
    """A time (epoch seconds) as events show it: ``2026-11-29T13:48:26Z``."""
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
