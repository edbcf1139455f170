"""Event streams: messages of headers and a payload, each with two checksums.

Layout: total length, headers length, CRC-32 of these eight bytes, headers, payload, CRC-32 of all before it;
integers big-endian.
"""

import struct
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias
from zlib import crc32

from sagesse.core.body import Stream
from sagesse.core.error import ServiceError
from sagesse.wire.codec.malformed import Malformed
from sagesse.wire.codec.shape import Shape
from sagesse.wire.codec.write_body import Encode, content_type, structure_encoder
from sagesse.wire.message import Protocol

EVENT_STREAM_TYPE = "application/vnd.amazon.eventstream"
Header: TypeAlias = bool | int | bytes | str
_Encode: TypeAlias = Callable[[Mapping[str, Any]], bytes]
_PRELUDE = struct.Struct(">III")
_INTEGERS = {
    "byte": (2, ">b"),
    "short": (3, ">h"),
    "integer": (4, ">i"),
    "long": (5, ">q"),
    "timestamp": (8, ">q"),
}
_FORMATS = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}
_LONGEST = 16 << 20


class Message(NamedTuple):
    """One message of an event stream."""

    headers: dict[str, Header]
    payload: bytes


def encode_message(
    headers: Mapping[str, Header], payload: bytes, *, kinds: Mapping[str, str] | None = None
) -> bytes:
    """One framed message.

    Args:
        headers: bool, int (64 bits unless `kinds` says otherwise), bytes or str values.
        payload: the content.
        kinds: types of integer headers by name: byte, short, integer, long, timestamp (milliseconds).
    """
    packed = b"".join(
        _header(name, value, (kinds or {}).get(name, "long")) for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(packed) + len(payload), len(packed))
    start = prelude + struct.pack(">I", crc32(prelude)) + packed + payload
    return start + struct.pack(">I", crc32(start))


def decode_messages(data: bytes) -> Iterator[Message]:
    """The messages in `data`.

    Raises:
        Malformed: a length or a checksum is wrong, or `data` ends inside a message.
    """
    position = 0
    while position < len(data):
        if len(data) - position < 16:
            raise Malformed("The event stream ends inside a message")
        total, headers_length, prelude_sum = _PRELUDE.unpack_from(data, position)
        message = data[position : position + total]
        if total > _LONGEST or headers_length > total - 16 or len(message) < total or total < 16:
            raise Malformed("A message of the event stream has a wrong length")
        if crc32(message[:8]) != prelude_sum or crc32(message[:-4]) != int.from_bytes(message[-4:], "big"):
            raise Malformed("A message of the event stream has a wrong checksum")
        yield Message(_read_headers(message[12 : 12 + headers_length]), message[12 + headers_length : -4])
        position += total


def compile_events(
    shape: Shape, protocol: Protocol, first: Encode | None
) -> Callable[[Mapping[str, Any], AsyncIterator[Mapping[str, Any]]], Stream]:
    """The function from a result and its events (``{"PayloadPart": {...}}``) to the bytes of the stream.

    A `ServiceError` raised by the events ends the stream with an exception message. The events are closed with it.

    Args:
        shape: the event stream.
        protocol: how structures inside events are encoded.
        first: the encoder of the initial response, which protocols that are not REST send as the first event.
    """
    encoders = {name: encode_event(name, member, protocol) for name, member in shape.members.items()}
    kind = content_type(shape.service, protocol)

    async def chunks(
        result: Mapping[str, Any], events: AsyncIterator[Mapping[str, Any]]
    ) -> AsyncIterator[bytes]:
        if first is not None:
            yield encode_message(_headers("initial-response", kind), first(result))
        try:
            async for event in events:
                for name, value in event.items():
                    yield encoders[name](value)
        except ServiceError as error:
            yield _failure(error, encoders)
        finally:  # whoever stops listening ends the work
            close = getattr(events, "aclose", None)
            if close is not None:
                await close()

    return lambda result, events: Stream(chunks(result, events))


def encode_event(name: str, shape: Shape, protocol: Protocol) -> _Encode:
    """The encoder of the event `name`: header members to headers, the payload member or the rest to the payload."""
    if shape.traits.get("exception"):
        return _exception(name, shape, protocol)
    in_headers = [key for key, member in shape.members.items() if member.traits.get("eventheader")]
    kinds = {key: shape.members[key].kind for key in in_headers}
    payload_of, kind = _payload(shape, protocol, frozenset(in_headers))

    def encode(event: Mapping[str, Any]) -> bytes:
        headers = _headers(name, kind)
        for key in in_headers:
            if event.get(key) is not None:
                headers[key] = round(event[key] * 1000) if kinds[key] == "timestamp" else event[key]
        return encode_message(headers, payload_of(event), kinds=kinds)

    return encode


def _payload(shape: Shape, protocol: Protocol, in_headers: frozenset[str]) -> tuple[_Encode, str]:
    kind = content_type(shape.service, protocol)
    found = next(((key, m) for key, m in shape.members.items() if m.traits.get("eventpayload")), None)
    if found is None:
        if not shape.members.keys() - in_headers:
            return lambda event: b"", kind
        return structure_encoder(shape, protocol, root=shape.name), kind
    name, member = found
    match member.kind:
        case "blob":
            return lambda event: event.get(name) or b"", "application/octet-stream"
        case "string":
            return lambda event: (event.get(name) or "").encode(), "text/plain"
        case _:
            encode = structure_encoder(member, protocol, root=member.name)
            return lambda event: encode(event.get(name) or {}), kind


def _exception(name: str, shape: Shape, protocol: Protocol) -> _Encode:
    encode_fields = structure_encoder(shape, protocol, root=shape.name)
    headers: dict[str, Header] = {
        ":message-type": "exception",
        ":exception-type": name,
        ":content-type": content_type(shape.service, protocol),
    }
    return lambda event: encode_message(headers, encode_fields(event))


def _failure(error: ServiceError, encoders: Mapping[str, _Encode]) -> bytes:
    encode = encoders.get(error.code)
    if encode is not None:
        return encode({"message": error.message, "Message": error.message, **error.fields})
    headers = {":message-type": "error", ":error-code": error.code, ":error-message": error.message}
    return encode_message(headers, b"")


def _headers(event: str, kind: str) -> dict[str, Header]:
    return {":message-type": "event", ":event-type": event, ":content-type": kind}


def _header(name: str, value: Header, kind: str) -> bytes:
    start = bytes((len(name.encode()),)) + name.encode()
    match value:
        case bool():
            return start + (b"\0" if value else b"\1")
        case int():
            code, layout = _INTEGERS[kind]
            return start + bytes((code,)) + struct.pack(layout, value)
        case bytes():
            return start + b"\6" + struct.pack(">H", len(value)) + value
        case str():
            packed = value.encode()
            return start + b"\7" + struct.pack(">H", len(packed)) + packed


def _read_headers(data: bytes) -> dict[str, Header]:
    headers: dict[str, Header] = {}
    position = 0
    try:
        while position < len(data):
            end = position + 1 + data[position]
            name = data[position + 1 : end].decode()
            headers[name], position = _read_header(data, end)
    except (IndexError, struct.error, UnicodeDecodeError, KeyError):
        raise Malformed("The headers of a message of the event stream can not be read") from None
    return headers


def _read_header(data: bytes, position: int) -> tuple[Header, int]:
    """The value whose type byte is at `position`, and where the next header starts."""
    kind = data[position]
    position += 1
    match kind:
        case 0 | 1:
            return kind == 0, position
        case 6 | 7:
            (length,) = struct.unpack_from(">H", data, position)
            raw = data[position + 2 : position + 2 + length]
            return (raw if kind == 6 else raw.decode()), position + 2 + length
        case 9:
            return data[position : position + 16], position + 16
        case _:
            layout = struct.Struct(_FORMATS[kind])
            return layout.unpack_from(data, position)[0], position + layout.size
