"""Compiles how the input of an operation is read, for each protocol."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

import cbor2
import orjson

from sagesse.core.body import BytesUpload
from sagesse.core.model import Operation, ServiceModel
from sagesse.wire.codec.malformed import Malformed, malformed_error
from sagesse.wire.codec.read_http import Binder, binders
from sagesse.wire.codec.read_query import QueryReaders, parse_form
from sagesse.wire.codec.read_tree import TreeReaders
from sagesse.wire.codec.read_xml import XmlReaders, parse_xml
from sagesse.wire.codec.shape import Shape, body_members, input_shape
from sagesse.wire.message import Protocol, WireRequest

Read: TypeAlias = Callable[[WireRequest, dict[str, str]], dict[str, Any]]
_BodyRead: TypeAlias = Callable[[WireRequest], dict[str, Any]]
_REST: frozenset[Protocol] = frozenset(("rest-json", "rest-xml"))
_BODY = "the request body"


def streams_in(operation: Operation, protocol: Protocol) -> bool:
    """Whether the payload of a request is handed over as it arrives."""
    payload = _payload(operation, protocol)
    return payload is not None and (payload[1].is_streaming or payload[1].is_event_stream)


def compile_read(operation: Operation, protocol: Protocol) -> Read:
    """The function that reads requests of `operation`; it raises nothing but 4xx `ServiceError`."""
    inner = _compile(operation, protocol)

    def read(request: WireRequest, labels: dict[str, str]) -> dict[str, Any]:
        try:
            return inner(request, labels)
        except Malformed as error:
            raise malformed_error(protocol, error) from None
        except RecursionError:
            raise malformed_error(protocol, "The request is nested too deeply") from None

    return read


def _compile(operation: Operation, protocol: Protocol) -> Read:
    shape = input_shape(operation.service, operation.raw.get("input"))
    if shape is None:
        return lambda request, labels: {}
    if protocol not in _REST:
        read_body = _body(operation.service, protocol, body_members(shape, by_location=False))
        return lambda request, labels: read_body(request)
    payload = _payload(operation, protocol)
    if payload is not None:
        bind_body = _bind_payload(
            payload, operation.service, protocol, payload[0] in shape.traits.get("required", ())
        )
    else:
        bind_body = _bind_body(operation.service, protocol, body_members(shape, by_location=True))
    return _rest([*binders(shape, static_query=_static_query(operation)), bind_body])


def _rest(bound: list[Binder]) -> Read:
    def read(request: WireRequest, labels: dict[str, str]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for bind in bound:
            bind(request, labels, result)
        return result

    return read


def _payload(operation: Operation, protocol: Protocol) -> tuple[str, Shape] | None:
    """The member that is the whole body, in REST protocols."""
    shape = input_shape(operation.service, operation.raw.get("input"))
    if shape is None or protocol not in _REST or "payload" not in shape.traits:
        return None
    name: str = shape.traits["payload"]
    return name, shape.members[name]


def _static_query(operation: Operation) -> frozenset[str]:
    query = operation.http["requestUri"].partition("?")[2]
    return frozenset(key for key, _ in parse_qsl(query, keep_blank_values=True))


def _bind_body(service: ServiceModel, protocol: Protocol, members: Mapping[str, tuple[str, Shape]]) -> Binder:
    if not members:
        return lambda request, labels, result: None
    read_body = _body(service, protocol, members)
    return lambda request, labels, result: result.update(read_body(request))


def _bind_payload(
    payload: tuple[str, Shape], service: ServiceModel, protocol: Protocol, is_required: bool
) -> Binder:
    name, shape = payload
    if shape.is_streaming or shape.is_event_stream:

        def bind_upload(request: WireRequest, labels: Mapping[str, str], result: dict[str, Any]) -> None:
            result[name] = request.upload if request.upload is not None else BytesUpload(request.body)

        return bind_upload
    if shape.kind in ("blob", "string"):

        def bind_bytes(request: WireRequest, labels: Mapping[str, str], result: dict[str, Any]) -> None:
            if request.body or is_required:
                result[name] = request.body if shape.kind == "blob" else _decode(request.body)

        return bind_bytes
    members = {m.wire_name(key): (key, m) for key, m in shape.members.items()}
    root = shape.wire_name(shape.name) if protocol == "rest-xml" else None
    read_body = _body(service, protocol, members, root)

    def bind(request: WireRequest, labels: Mapping[str, str], result: dict[str, Any]) -> None:
        if request.body:
            result[name] = read_body(request)

    return bind


def _body(
    service: ServiceModel,
    protocol: Protocol,
    members: Mapping[str, tuple[str, Shape]],
    root: str | None = None,
) -> _BodyRead:
    """The reader of a body made of `members`, in XML below an element `root`; an empty body has none of them."""
    match protocol:
        case "json" | "rest-json":
            fields, parse = _tree_readers(service, is_binary=False).fields(members), _parse_json
        case "cbor":
            fields, parse = _tree_readers(service, is_binary=True).fields(members), _parse_cbor
        case "rest-xml":
            fields, parse = _xml_readers(service).fields(members), partial(parse_xml, root=root)
        case "query":
            form_fields = _query_readers(service).fields(members)
            return lambda request: form_fields(_parse_query(request), _BODY)
    return lambda request: fields(parse(request.body), _BODY) if request.body else {}


def _parse_json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The request body is not valid JSON: {error}") from None


def _parse_cbor(body: bytes) -> Any:
    try:
        return cbor2.loads(body)
    except Exception as error:  # tags make the decoder raise whatever the classes behind them raise
        raise Malformed(f"The request body is not valid CBOR: {type(error).__name__}") from None


def _parse_query(request: WireRequest) -> dict[str, Any]:
    form = _decode(request.body)
    return parse_form("&".join(part for part in (request.query, form) if part))


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The request body is not valid UTF-8") from None


@cache
def _tree_readers(service: ServiceModel, *, is_binary: bool) -> TreeReaders:
    return TreeReaders(service, is_binary=is_binary)


@cache
def _query_readers(service: ServiceModel) -> QueryReaders:
    return QueryReaders(service)


@cache
def _xml_readers(service: ServiceModel) -> XmlReaders:
    return XmlReaders(service)
