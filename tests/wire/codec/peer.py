"""botocore's own serialisers and parsers, the peers our codecs are held against."""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import unquote, urlencode

from botocore.awsrequest import HeadersDict
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from sagesse.core.model import SERVICES, Operation, service_model
from sagesse.wire.codec.shape import Shape
from sagesse.wire.message import Protocol, WireReply, WireRequest

OURS: dict[str, Protocol] = {
    "json": "json",
    "query": "query",
    "rest-json": "rest-json",
    "rest-xml": "rest-xml",
    "smithy-rpc-v2-cbor": "cbor",
}
THEIRS = {ours: theirs for theirs, ours in OURS.items()}


def service_protocols() -> list[tuple[str, Protocol]]:
    """Every service with every protocol botocore can speak to it."""
    pairs: list[tuple[str, Protocol]] = []
    for name in SERVICES:
        metadata = service_model(name).metadata
        for protocol in metadata.get("protocols") or (metadata["protocol"],):
            pairs.append((name, OURS[protocol]))
    return pairs


@cache
def peer_model(service: str) -> ServiceModel:
    """botocore's model of a service."""
    loader = Loader(
        include_default_extras=False
    )  # extras turn S3's Expires, a text on the wire, into a timestamp
    return ServiceModel(loader.load_service_model(service, "service-2"), service_name=service)


def serialize(
    operation: Operation, protocol: Protocol, params: Mapping[str, Any]
) -> tuple[WireRequest, dict[str, str]]:
    """The request botocore makes of `params`, as it would arrive, and its path labels."""
    serializer = create_serializer(THEIRS[protocol], include_validation=False)
    raw = serializer.serialize_to_request(
        dict(params), peer_model(operation.service.name).operation_model(operation.name)
    )
    path, _, static = raw["url_path"].partition("?")
    query = "&".join(part for part in (static, urlencode(raw["query_string"] or {}, doseq=True)) if part)
    body = raw["body"]
    if isinstance(body, dict):
        body = urlencode(body).encode()
    headers = {key.lower(): value for key, value in raw["headers"].items()}
    request = WireRequest(raw["method"], path, query, headers, body)
    return request, labels(operation, path) if protocol in ("rest-json", "rest-xml") else {}


def labels(operation: Operation, path: str) -> dict[str, str]:
    """The labels of a REST path."""
    template = operation.http["requestUri"].partition("?")[0]
    parts = re.split(r"\{([^}]+)\}", template)
    pattern = "".join(
        re.escape(part) if index % 2 == 0 else f"(?P<_{index}>{'.+' if part.endswith('+') else '[^/]+'})"
        for index, part in enumerate(parts)
    )
    match = re.fullmatch(pattern, path)
    assert match, (template, path)
    return {parts[int(key[1:])].rstrip("+"): unquote(value) for key, value in match.groupdict().items()}


def parse(reply: WireReply, operation: Operation, protocol: Protocol, shape: Any | None) -> Any:
    """What botocore makes of a reply, its metadata apart, timestamps as epoch seconds."""
    response = {
        "status_code": reply.status,
        "headers": HeadersDict(dict(reply.headers)),
        "body": reply.body,
        "context": {"operation_name": operation.name},
    }
    parsed = create_parser(THEIRS[protocol]).parse(response, shape)
    parsed.pop("ResponseMetadata", None)
    return plain(parsed)


def plain(value: Any) -> Any:
    """`value` with epoch seconds for datetimes."""
    match value:
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
        case datetime():
            return value.timestamp()
        case _:
            return value


def drained(upload: Any) -> bytes:
    """All bytes of an upload."""

    async def read() -> bytes:
        return b"".join([chunk async for chunk in upload])

    return asyncio.run(read())


def without_empty(value: Any, shape: Shape, *, is_lost: Any) -> Any:
    """`value` without the empty values a protocol has no form for."""
    match shape.kind:
        case "structure" if not shape.is_document:
            cleaned = {
                key: without_empty(item, shape.members[key], is_lost=is_lost) for key, item in value.items()
            }
            return {key: item for key, item in cleaned.items() if not is_lost(item, shape.members[key])}
        case "list":
            items = [without_empty(item, shape.item, is_lost=is_lost) for item in value]
            return [item for item in items if not is_lost(item, shape.item)]
        case "map":
            entries = {key: without_empty(item, shape.value, is_lost=is_lost) for key, item in value.items()}
            return {key: item for key, item in entries.items() if not is_lost(item, shape.value)}
        case _:
            return value
