"""Compiles the encoders of reply bodies, of errors and events too."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeAlias

import cbor2
import orjson

from sagesse.core.identifier import host_id
from sagesse.core.model import ServiceModel
from sagesse.wire.codec.shape import Shape
from sagesse.wire.codec.write_http import Headers
from sagesse.wire.codec.write_tree import TreeWriters, needs_walk, without_nulls
from sagesse.wire.codec.write_xml import XmlWriters
from sagesse.wire.message import Protocol

Encode: TypeAlias = Callable[[Mapping[str, Any]], bytes]
XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_CONTENT_TYPES: dict[Protocol, str] = {
    "rest-json": "application/json",
    "rest-xml": "application/xml",
    "query": "text/xml",
    "cbor": "application/cbor",
}


def content_type(service: ServiceModel | None, protocol: Protocol) -> str:
    """The Content-Type of a reply's body."""
    if protocol == "json":
        version = service.metadata.get("jsonVersion", "1.1") if service else "1.1"
        return f"application/x-amz-json-{version}"
    return _CONTENT_TYPES[protocol]


def request_headers(protocol: Protocol, request_id: str) -> Headers:
    """The headers that name the request."""
    if protocol == "rest-xml":
        return [("x-amz-request-id", request_id), ("x-amz-id-2", host_id(request_id))]
    headers = [("x-amzn-RequestId", request_id)]
    if protocol == "cbor":
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
    return headers


def json_encoder(service: ServiceModel, members: Mapping[str, tuple[str, Shape]]) -> Encode:
    """The encoder of a JSON body; it walks the result only where the model has something to change in it."""
    if needs_walk(members):
        convert = tree_writers(service, is_binary=False).fields(members)
        return lambda result: orjson.dumps(convert(result))
    names = frozenset(members)

    def encode(result: Mapping[str, Any]) -> bytes:
        modelled = {key: item for key, item in result.items() if item is not None and key in names}
        body = orjson.dumps(modelled)
        # A None or a NaN inside, or the word in a text: rare enough to encode it twice.
        return orjson.dumps(without_nulls(modelled)) if b"null" in body else body

    return encode


def cbor_encoder(service: ServiceModel, members: Mapping[str, tuple[str, Shape]]) -> Encode:
    """The encoder of a CBOR body."""
    convert = tree_writers(service, is_binary=True).fields(members)
    return lambda result: cbor2.dumps(convert(result))


def xml_encoder(
    service: ServiceModel, members: Mapping[str, tuple[str, Shape]], root: str, xmlns: str
) -> Encode:
    """The encoder of an XML document."""
    render = xml_writers(service, has_millis=True).fields(members)
    namespace = f' xmlns="{xmlns}"' if xmlns else ""
    start, end = f"{XML_DECLARATION}<{root}{namespace}>", f"</{root}>"
    return lambda result: f"{start}{render(result)}{end}".encode()


def structure_encoder(shape: Shape, protocol: Protocol, *, root: str, xmlns: str = "") -> Encode:
    """The encoder of a structure that is a whole payload."""
    members = {member.wire_name(name): (name, member) for name, member in shape.members.items()}
    match protocol:
        case "rest-xml" | "query":
            return xml_encoder(shape.service, members, root, xmlns)
        case "cbor":
            return cbor_encoder(shape.service, members)
        case _:
            return json_encoder(shape.service, members)


@cache
def tree_writers(service: ServiceModel, *, is_binary: bool) -> TreeWriters:
    """The writers of trees for a service; cached, they share the structures they compiled."""
    return TreeWriters(service, is_binary=is_binary)


@cache
def xml_writers(service: ServiceModel, *, has_millis: bool) -> XmlWriters:
    """The writers of XML for a service; cached, they share the structures they compiled."""
    return XmlWriters(service, has_millis=has_millis)
