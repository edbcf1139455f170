"""Every operation of every service: what botocore serialises, we read back."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagesse.core.model import Operation, service_model
from sagesse.wire.codec import codec
from sagesse.wire.codec.shape import Shape
from sagesse.wire.message import Protocol

from .instance import Generator
from .peer import drained, serialize, service_protocols, without_empty

_ODD = {("s3", "PutBucketNotification")}  # deprecated; two members share the element Event


def assert_reads_back(operation: Operation, protocol: Protocol, seed: int, *, fill: float = 0.6) -> None:
    """Serialise a random input with botocore, read it with ours, expect the same and no violations."""
    ours = codec(operation.service.name, operation.name, protocol)
    if (operation.service.name, operation.name) in _ODD:
        return
    if operation.input is None:
        request, labels = serialize(operation, protocol, {})
        assert ours.read(request, labels) == {}
        return
    shape = Shape(operation.service, operation.raw["input"])
    params = sendable(Generator(f"{operation.name}{seed}", fill=fill).structure(shape), shape, protocol)
    request, labels = serialize(operation, protocol, params)
    assert received(ours.read(request, labels), params, shape) == params


def sendable(params: dict[str, Any], shape: Shape, protocol: Protocol) -> dict[str, Any]:
    """`params` without the empty values that have no form in the protocol."""

    def is_lost(value: Any, member: Shape) -> bool:
        if protocol == "query":
            return value == {}
        if protocol == "rest-xml" and value in ([], {}) and member.is_flat:
            return True
        return member.location in ("headers", "header", "querystring") and value in ([], {})

    for name, member in shape.members.items():
        if member.location == "headers" and name in params:  # header names have no case
            params[name] = {key.lower(): value for key, value in params[name].items()}
    return without_empty(params, shape, is_lost=is_lost)


def received(result: dict[str, Any], params: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """`result` with uploads as bytes, without a payload that only exists because a body has to."""
    payload = shape.traits.get("payload")
    if payload in result and hasattr(result[payload], "trailers"):
        result[payload] = drained(result[payload])
    if payload in result and payload not in params and result[payload] in (b"", b"{}", {}):
        del result[payload]
    return result


@pytest.mark.parametrize(("service", "protocol"), service_protocols())
def test_reads_what_botocore_serialises(service: str, protocol: Protocol) -> None:
    for operation in service_model(service).operations.values():
        assert_reads_back(operation, protocol, 0)


TRICKY: list[tuple[str, str, Protocol]] = [
    ("dynamodb", "PutItem", "json"),
    ("dynamodb", "TransactWriteItems", "json"),
    ("cloudwatch", "PutMetricData", "query"),
    ("cloudwatch", "PutMetricData", "cbor"),
    ("iam", "CreateRole", "query"),
    ("rds", "CreateDBCluster", "query"),
    ("s3", "PutBucketLifecycleConfiguration", "rest-xml"),
    ("s3", "PutBucketAcl", "rest-xml"),
    ("s3", "CreateMultipartUpload", "rest-xml"),
    ("s3control", "CreateJob", "rest-xml"),
    ("lex-runtime", "PostContent", "rest-json"),
    ("apigateway", "GetExport", "rest-json"),
    ("sagemaker", "CreateTrainingJob", "json"),
]


@settings(max_examples=100, deadline=None)
@given(case=st.sampled_from(TRICKY), seed=st.integers(0, 1 << 32), fill=st.floats(0.1, 1))
def test_tricky_inputs_read_back(case: tuple[str, str, Protocol], seed: int, fill: float) -> None:
    service, operation, protocol = case
    assert_reads_back(service_model(service).operations[operation], protocol, seed, fill=fill)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("service", "protocol"), service_protocols())
def test_reads_many_inputs_of_each_operation(service: str, protocol: Protocol) -> None:
    for operation in service_model(service).operations.values():
        for seed in range(1, 20):
            assert_reads_back(operation, protocol, seed, fill=seed / 20)
