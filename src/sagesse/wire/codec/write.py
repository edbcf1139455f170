"""Compiles how the result of an operation is written, for each protocol."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sagesse.core.body import Payload
from sagesse.core.model import Operation
from sagesse.wire.codec.eventstream import EVENT_STREAM_TYPE, compile_events
from sagesse.wire.codec.shape import Shape, body_members, input_shape
from sagesse.wire.codec.write_body import (
    XML_DECLARATION,
    Encode,
    cbor_encoder,
    content_type,
    json_encoder,
    request_headers,
    structure_encoder,
    xml_encoder,
    xml_writers,
)
from sagesse.wire.codec.write_http import header_writer, status_member
from sagesse.wire.codec.write_xml import escape
from sagesse.wire.message import Protocol, WireReply

Write: TypeAlias = Callable[[Mapping[str, Any], str], WireReply]
_PayloadOf: TypeAlias = Callable[[Mapping[str, Any]], Payload]
_REST: frozenset[Protocol] = frozenset(("rest-json", "rest-xml"))
_OK, _PARTIAL = 200, 206
_NO_CONTENT = frozenset((204, 304))


def streams_out(operation: Operation, protocol: Protocol) -> bool:
    """Whether the payload of a reply is a `Payload`: bytes, a slice of a file, a stream."""
    shape = input_shape(operation.service, operation.raw.get("output"))
    if shape is None or protocol not in _REST or "payload" not in shape.traits:
        return False
    return shape.members[shape.traits["payload"]].is_streaming


def compile_write(operation: Operation, protocol: Protocol) -> Write:
    """The function that writes results of `operation`."""
    shape = input_shape(operation.service, operation.raw.get("output"))
    if shape is not None and (stream := _event_member(shape)):
        return _events(operation, protocol, shape, stream)
    if protocol == "query":
        return _query(operation, shape)
    if protocol in _REST:
        return _rest(operation, protocol, shape)
    return _rpc(operation, protocol, shape)


def _event_member(shape: Shape) -> str | None:
    return next((name for name, member in shape.members.items() if member.is_event_stream), None)


def _rpc(operation: Operation, protocol: Protocol, shape: Shape | None) -> Write:
    kind = content_type(operation.service, protocol)
    if shape is None:
        return lambda result, request_id: WireReply(
            200, [*request_headers(protocol, request_id), ("Content-Type", kind)], b""
        )
    encoder = cbor_encoder if protocol == "cbor" else json_encoder
    encode = encoder(operation.service, body_members(shape, by_location=False))

    def write(result: Mapping[str, Any], request_id: str) -> WireReply:
        headers = [*request_headers(protocol, request_id), ("Content-Type", kind)]
        return WireReply(200, headers, encode(result))

    return write


def _query(operation: Operation, shape: Shape | None) -> Write:
    name = operation.name
    xmlns = operation.service.metadata.get("xmlNamespace", "")
    start = f'<{name}Response xmlns="{xmlns}">' if xmlns else f"<{name}Response>"
    wrapper = operation.raw.get("output", {}).get("resultWrapper", f"{name}Result")
    members = body_members(shape, by_location=False) if shape else {}
    render = xml_writers(operation.service, has_millis=False).fields(members)

    def write(result: Mapping[str, Any], request_id: str) -> WireReply:
        content = f"<{wrapper}>{render(result)}</{wrapper}>" if shape else ""
        metadata = f"<ResponseMetadata><RequestId>{escape(request_id)}</RequestId></ResponseMetadata>"
        headers = [*request_headers("query", request_id), ("Content-Type", "text/xml")]
        return WireReply(200, headers, f"{start}{content}{metadata}</{name}Response>".encode())

    return write


def _rest(operation: Operation, protocol: Protocol, shape: Shape | None) -> Write:
    default_status: int = operation.http.get("responseCode", 200)
    if shape is None:
        return lambda result, request_id: WireReply(
            default_status, request_headers(protocol, request_id), b""
        )
    add_headers, status_name = header_writer(shape), status_member(shape)
    payload_of, kind = _payload(operation, protocol, shape)
    type_member = next((name for name, member in shape.members.items() if _is_type(name, member)), "")
    is_head = operation.http["method"] == "HEAD"

    def write(result: Mapping[str, Any], request_id: str) -> WireReply:
        status: int = (result.get(status_name) if status_name else None) or default_status
        if status == _OK and "ContentRange" in result:
            status = _PARTIAL  # S3 says so, and the model does not
        headers = request_headers(protocol, request_id)
        add_headers(result, headers)
        payload = b"" if is_head or status in _NO_CONTENT else payload_of(result)
        if payload != b"" and result.get(type_member) is None:
            headers.append(("Content-Type", kind))
        return WireReply(status, headers, payload)

    return write


def _is_type(name: str, member: Shape) -> bool:
    return member.location == "header" and member.wire_name(name).lower() == "content-type"


def _payload(operation: Operation, protocol: Protocol, shape: Shape) -> tuple[_PayloadOf, str]:
    """The function from a result to its payload, and the payload's content type."""
    kind = content_type(operation.service, protocol)
    if "payload" in shape.traits:
        return _payload_member(operation, protocol, shape, shape.traits["payload"], kind)
    if operation.service.name == "s3" and operation.name == "GetBucketLocation":
        return _bucket_location(operation), kind
    members = body_members(shape, by_location=True)
    if not members and (shape.members or protocol == "rest-xml"):
        return lambda result: b"", kind
    if protocol == "rest-json":
        return json_encoder(operation.service, members), kind
    root = shape.wire_name(shape.name)
    return xml_encoder(operation.service, members, root, _xmlns(operation)), kind


def _payload_member(
    operation: Operation, protocol: Protocol, shape: Shape, name: str, kind: str
) -> tuple[_PayloadOf, str]:
    member = shape.members[name]
    match member.kind:
        case "blob":
            return lambda result: _or_empty(result.get(name)), "application/octet-stream"
        case "string":
            return lambda result: (result.get(name) or "").encode(), "text/plain"
        case _:
            encode = structure_encoder(member, protocol, root=member.wire_name(name), xmlns=_xmlns(operation))
            return lambda result: _encode_or_empty(encode, result.get(name)), kind


def _or_empty(payload: Payload | None) -> Payload:
    return b"" if payload is None else payload


def _encode_or_empty(encode: Encode, value: Mapping[str, Any] | None) -> bytes:
    return b"" if value is None else encode(value)


def _xmlns(operation: Operation) -> str:
    return operation.service.metadata.get("xmlNamespace", "")


def _bucket_location(operation: Operation) -> _PayloadOf:
    """The one document whose root holds text: the region, empty for us-east-1."""
    start = f'{XML_DECLARATION}<LocationConstraint xmlns="{_xmlns(operation)}">'
    return lambda result: (
        f"{start}{escape(result.get('LocationConstraint') or '')}</LocationConstraint>".encode()
    )


def _events(operation: Operation, protocol: Protocol, shape: Shape, stream: str) -> Write:
    is_rest = protocol in _REST
    members = {
        wire: entry for wire, entry in body_members(shape, by_location=is_rest).items() if entry[0] != stream
    }
    encoder = cbor_encoder if protocol == "cbor" else json_encoder
    first = None if is_rest else encoder(operation.service, members)
    events = compile_events(shape.members[stream], protocol, first)
    add_headers = header_writer(shape)

    def write(result: Mapping[str, Any], request_id: str) -> WireReply:
        headers = [*request_headers(protocol, request_id), ("Content-Type", EVENT_STREAM_TYPE)]
        if is_rest:
            add_headers(result, headers)
        return WireReply(200, headers, events(result, result[stream]))

    return write
