"""Event streams: frames, events by shape, failures inside."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.body import Stream
from sagesse.core.error import ServiceError
from sagesse.core.model import SERVICES, service_model
from sagesse.wire.codec import codec
from sagesse.wire.codec.eventstream import (
    EVENT_STREAM_TYPE,
    Message,
    decode_messages,
    encode_event,
    encode_message,
)
from sagesse.wire.codec.malformed import Malformed
from sagesse.wire.codec.shape import Shape
from sagesse.wire.message import Protocol

from .instance import Generator
from .peer import OURS, THEIRS, peer_model, plain

HEADERS = st.dictionaries(
    st.text(min_size=1, max_size=20),
    st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.binary(max_size=30) | st.text(max_size=30),
    max_size=5,
)


async def some_events(
    *events: Mapping[str, Any], failure: ServiceError | None = None
) -> AsyncIterator[Mapping[str, Any]]:
    """`events`, then `failure`."""
    for event in events:
        yield event
    if failure is not None:
        raise failure


def sent(service: str, operation: str, protocol: Protocol, result: dict[str, Any]) -> list[Message]:
    """The messages of the reply."""
    reply = codec(service, operation, protocol).write(result, "id")
    assert ("Content-Type", EVENT_STREAM_TYPE) in reply.headers
    assert isinstance(reply.body, Stream)

    async def read(chunks: AsyncIterator[bytes]) -> bytes:
        return b"".join([chunk async for chunk in chunks])

    return list(decode_messages(asyncio.run(read(reply.body.chunks))))


def stream_shapes() -> list[tuple[str, str, Protocol]]:
    """Every event stream of an output: service, shape, protocol."""
    found: set[tuple[str, str, Protocol]] = set()
    for name in SERVICES:
        model = service_model(name)
        for operation in model.operations.values():
            for reference in operation.output_members.values():
                if model.shapes[reference["shape"]].get("eventstream"):
                    found.add((name, reference["shape"], OURS[model.metadata["protocol"]]))
    return sorted(found)


@pytest.mark.parametrize(("service", "name", "protocol"), stream_shapes())
def test_botocore_parses_every_event(service: str, name: str, protocol: Protocol) -> None:
    parser = create_parser(THEIRS[protocol])._event_stream_parser
    peer = peer_model(service).shape_for(name)
    shape = Shape(service_model(service), {"shape": name})
    for event, member in shape.members.items():
        value = Generator(event, fill=1).structure(member)
        buffer = EventStreamBuffer()
        buffer.add_data(encode_event(event, member, protocol)(value))
        parsed = plain(parser.parse(next(buffer).to_response_dict(), peer))
        if member.traits.get("exception"):
            assert parsed["Error"]["Code"] == event
        else:
            assert parsed[event] == value


@given(headers=HEADERS, payload=st.binary(max_size=100))
def test_a_message_decodes_to_itself(headers: dict[str, Any], payload: bytes) -> None:
    headers = {key: value for key, value in headers.items() if len(key.encode()) < 256}
    assert list(decode_messages(encode_message(headers, payload) * 2)) == [Message(headers, payload)] * 2


@given(data=st.binary(max_size=60), position=st.integers(0, 40))
def test_broken_streams_are_malformed(data: bytes, position: int) -> None:
    good = encode_message({":event-type": "a", "n": 1}, b"payload")
    bad = good[:position] + data + good[position + len(data) :]
    if bad[: len(good)] != good and data:
        with pytest.raises(Malformed):
            list(decode_messages(bad))


def test_invoke_endpoint_sends_its_parts() -> None:
    events = some_events({"PayloadPart": {"Bytes": b"one"}}, {"PayloadPart": {"Bytes": b"two"}})
    result = {"Body": events, "ContentType": "text/csv"}
    messages = sent("sagemaker-runtime", "InvokeEndpointWithResponseStream", "rest-json", result)
    assert [message.payload for message in messages] == [b"one", b"two"]
    assert messages[0].headers[":event-type"] == "PayloadPart"


def test_a_failure_ends_the_stream_with_an_exception() -> None:
    failure = ServiceError("ModelStreamError", "boom", fields={"ErrorCode": "ModelInvocationTimeExceeded"})
    result = {"Body": some_events({"PayloadPart": {"Bytes": b"one"}}, failure=failure)}
    last = sent("sagemaker-runtime", "InvokeEndpointWithResponseStream", "rest-json", result)[-1]
    assert (last.headers[":message-type"], last.headers[":exception-type"]) == (
        "exception",
        "ModelStreamError",
    )
    assert b'"Message":"boom"' in last.payload


def test_a_failure_that_is_not_modelled_is_an_error() -> None:
    result = {"Body": some_events(failure=ServiceError("Odd", "boom"))}
    last = sent("sagemaker-runtime", "InvokeEndpointWithResponseStream", "rest-json", result)[-1]
    assert last.headers == {":message-type": "error", ":error-code": "Odd", ":error-message": "boom"}


def test_json_protocols_start_with_the_initial_response() -> None:
    first, second = sent(
        "logs", "StartLiveTail", "json", {"responseStream": some_events({"sessionStart": {}})}
    )
    assert (first.headers[":event-type"], first.payload) == ("initial-response", b"{}")
    assert second.headers[":event-type"] == "sessionStart"


def test_who_stops_listening_ends_the_events() -> None:
    ended: list[bool] = []

    async def endless() -> AsyncIterator[Mapping[str, Any]]:
        try:
            while True:
                yield {"PayloadPart": {"Bytes": b"one"}}
        finally:
            ended.append(True)

    async def listen() -> None:
        operation = codec("sagemaker-runtime", "InvokeEndpointWithResponseStream", "rest-json")
        chunks: Any = operation.write({"Body": endless()}, "id").body.chunks
        await anext(chunks)
        await chunks.aclose()
        assert ended == [True]

    asyncio.run(listen())
