"""Requests as botocore makes them, for every operation; shared by the tests of the wire."""

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import botocore.loaders
import botocore.model
import botocore.serialize
import botocore.utils

from sagesse.wire.message import WireRequest

_LOADER = botocore.loaders.Loader()
_TEXT = "a b/c+ü%2F"  # everything a path label must survive


class Sample(NamedTuple):
    """One operation, its input and the request botocore makes of it."""

    service: str
    operation: str
    params: dict[str, Any]
    labels: dict[str, str]
    signing_name: str
    request: WireRequest


@cache
def botocore_model(service: str) -> botocore.model.ServiceModel:
    return botocore.model.ServiceModel(_LOADER.load_service_model(service, "service-2"), service)


def samples(service: str) -> Iterator[Sample]:
    """A sample of each operation with its required members only."""
    model = botocore_model(service)
    protocol = model.resolved_protocol
    serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
    for name in model.operation_names:
        operation = model.operation_model(name)
        params = _required(operation.input_shape)
        wire = serializer.serialize_to_request(params, operation)
        yield Sample(
            service, name, params, _labels(operation, params), model.signing_name, _wire_request(wire)
        )


def _wire_request(wire: dict[str, Any]) -> WireRequest:
    path, _, query = wire["url_path"].partition("?")
    pairs = wire["query_string"]
    if isinstance(pairs, dict):
        pairs = [(key, value) for key, values in pairs.items() for value in _as_list(values)]
    text = botocore.utils.percent_encode_sequence(pairs) if pairs else ""
    body = wire["body"]
    if isinstance(body, dict):
        body = botocore.utils.percent_encode_sequence(body).encode()
    headers = {key.lower(): str(value) for key, value in wire["headers"].items()}
    host = (wire.get("context") or {}).get("host_prefix", "")
    return WireRequest(
        method=wire["method"],
        raw_path=urlsplit(path).path,
        query="&".join(part for part in (query, text) if part),
        headers={"host": f"{host}127.0.0.1:4566", **headers},
        body=body.encode() if isinstance(body, str) else bytes(body or b""),
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _labels(operation: Any, params: dict[str, Any]) -> dict[str, str]:
    members = operation.input_shape.members if operation.input_shape else {}
    return {
        shape.serialization.get("name", name): str(params[name])
        for name, shape in members.items()
        if shape.serialization.get("location") == "uri" and name in params
    }


def _required(shape: Any) -> dict[str, Any]:
    if shape is None:
        return {}
    return {
        name: "123456789012"
        if "hostLabel" in member.serialization
        else _value(member, frozenset({shape.name}))
        for name, member in shape.members.items()
        if name in shape.required_members or member.serialization.get("location") == "uri"
    }


def _value(shape: Any, above: frozenset[str]) -> Any:
    if shape.name in above:
        return {} if shape.type_name == "structure" else None
    inside = above | {shape.name}
    match shape.type_name:
        case "structure":
            names = shape.required_members or list(shape.members)[:1]
            values = {name: _value(shape.members[name], inside) for name in names}
            return {name: value for name, value in values.items() if value is not None}
        case "list":
            item = _value(shape.member, inside)
            return [] if item is None else [item]
        case "map":
            return {}
        case "integer" | "long":
            return 7
        case "float" | "double":
            return 1.5
        case "boolean":
            return True
        case "blob":
            return b"blob"
        case "timestamp":
            return 1767225600
        case _:
            return shape.enum[0] if getattr(shape, "enum", None) else _TEXT
