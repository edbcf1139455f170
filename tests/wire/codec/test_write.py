"""Every operation of every service: what we write, botocore parses back."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagesse.core.model import Operation, service_model
from sagesse.wire.codec import codec
from sagesse.wire.codec.shape import Shape
from sagesse.wire.message import Protocol

from .instance import Generator
from .peer import parse, peer_model, service_protocols, without_empty

_ODD = {
    ("s3", "GetBucketLocation"),  # botocore parses its body in a handler
    ("s3", "GetBucketNotification"),  # deprecated; two members share the element Event
}


def assert_parses_back(operation: Operation, protocol: Protocol, seed: int, *, fill: float = 0.6) -> None:
    """Write a random result with ours, parse it with botocore, expect the same."""
    ours = codec(operation.service.name, operation.name, protocol)
    peer = peer_model(operation.service.name).operation_model(operation.name)
    if operation.output is None:
        assert parse(ours.write({}, "id-1"), operation, protocol, None) == {}
        return
    shape = Shape(operation.service, operation.raw["output"])
    if (operation.service.name, operation.name) in _ODD or has_events(shape):
        return
    result = returnable(
        Generator(f"{operation.name}{seed}", fill=fill).structure(shape), shape, operation, protocol
    )
    reply = ours.write({**result, "_unknown": 1}, "id-1")
    assert expected(parse(reply, operation, protocol, peer.output_shape), result, shape) == result


def has_events(shape: Shape) -> bool:
    """Whether the output has an event stream, which test_eventstream.py covers."""
    return any(member.is_event_stream for member in shape.members.values())


def returnable(
    result: dict[str, Any], shape: Shape, operation: Operation, protocol: Protocol
) -> dict[str, Any]:
    """`result` without what has no form in the protocol, its status one that has a body."""

    def is_lost(value: Any, member: Shape) -> bool:
        if protocol in ("query", "rest-xml") and value in ([], {}) and member.is_flat:
            return True
        return member.location in ("headers", "header") and value in ([], {})

    cleaned = without_empty(result, shape, is_lost=is_lost)
    if protocol not in ("rest-json", "rest-xml"):
        return cleaned
    bodiless = operation.http["method"] == "HEAD" or operation.http.get("responseCode") == 204
    for name, member in shape.members.items():
        if member.location == "statusCode":
            cleaned[name] = operation.http.get("responseCode", 200)
        elif bodiless and member.location is None:
            cleaned.pop(name, None)
    payload = shape.traits.get("payload")
    if payload in cleaned and shape.members[payload].kind == "blob":
        cleaned[payload] = b"any bytes"
    return cleaned


def expected(parsed: dict[str, Any], result: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """`parsed` without the empty members that botocore adds, a blob payload as bytes."""
    payload = shape.traits.get("payload")
    for name, member in shape.members.items():
        if name in parsed and name not in result and (name == payload or member.location == "headers"):
            assert parsed[name] in ("", {}), name
            del parsed[name]
    for name, member in shape.members.items():  # a default Content-Type, when the result names none
        if member.location == "header" and member.wire_name(name) == "Content-Type" and name not in result:
            parsed.pop(name, None)
    if payload in parsed and shape.members[payload].kind == "blob":
        parsed[payload] = parsed[payload].encode()
    return parsed


@pytest.mark.parametrize(("service", "protocol"), service_protocols())
def test_botocore_parses_what_is_written(service: str, protocol: Protocol) -> None:
    for operation in service_model(service).operations.values():
        assert_parses_back(operation, protocol, 0)


TRICKY: list[tuple[str, str, Protocol]] = [
    ("dynamodb", "Query", "json"),
    ("cloudwatch", "GetMetricData", "cbor"),
    ("cloudwatch", "GetMetricData", "query"),
    ("iam", "GetAccountAuthorizationDetails", "query"),
    ("rds", "DescribeDBClusters", "query"),
    ("s3", "GetBucketAcl", "rest-xml"),
    ("s3", "ListObjectVersions", "rest-xml"),
    ("s3", "GetObject", "rest-xml"),
    ("s3control", "DescribeJob", "rest-xml"),
    ("lex-runtime", "PostContent", "rest-json"),
    ("glue", "GetTable", "json"),
    ("sagemaker", "DescribeTrainingJob", "json"),
]


@settings(max_examples=100, deadline=None)
@given(case=st.sampled_from(TRICKY), seed=st.integers(0, 1 << 32), fill=st.floats(0.1, 1))
def test_tricky_outputs_parse_back(case: tuple[str, str, Protocol], seed: int, fill: float) -> None:
    service, operation, protocol = case
    assert_parses_back(service_model(service).operations[operation], protocol, seed, fill=fill)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("service", "protocol"), service_protocols())
def test_botocore_parses_many_outputs_of_each_operation(service: str, protocol: Protocol) -> None:
    for operation in service_model(service).operations.values():
        for seed in range(1, 20):
            assert_parses_back(operation, protocol, seed, fill=seed / 20)
