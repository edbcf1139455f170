"""Whatever bytes arrive, a reader answers with an input or with a 4xx."""

import random
from urllib.parse import unquote_to_bytes

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.core.model import service_model
from sagesse.wire.codec import codec
from sagesse.wire.codec.shape import Shape
from sagesse.wire.message import Protocol, WireRequest

from .instance import Generator
from .peer import serialize

SAMPLE: list[tuple[str, str, Protocol]] = [
    ("sagemaker", "CreateTrainingJob", "json"),
    ("dynamodb", "PutItem", "json"),
    ("logs", "PutLogEvents", "json"),
    ("kinesis", "PutRecords", "json"),
    ("cloudwatch", "PutMetricData", "query"),
    ("cloudwatch", "PutMetricData", "cbor"),
    ("cloudwatch", "GetMetricData", "json"),
    ("sts", "AssumeRole", "query"),
    ("iam", "CreateRole", "query"),
    ("rds", "CreateDBInstance", "query"),
    ("s3", "PutBucketLifecycleConfiguration", "rest-xml"),
    ("s3", "DeleteObjects", "rest-xml"),
    ("s3", "PutObject", "rest-xml"),
    ("s3", "PutBucketAcl", "rest-xml"),
    ("s3control", "CreateJob", "rest-xml"),
    ("lambda", "CreateFunction", "rest-json"),
    ("lex-runtime", "PostContent", "rest-json"),
    ("iot", "ListThings", "rest-json"),
    ("quicksight", "CreateDataSet", "rest-json"),
    ("textract", "AnalyzeDocument", "cbor"),
]
SPICES = [
    b"null",
    b"{}",
    b"[]",
    b"-1",
    b"1e999",
    b"NaN",
    b"\xff",
    b"\0",
    b'""',
    b"true",
    b"9" * 30,
    b"<a>",
    b"&a;",
]
SPICES += [
    b"%ff",
    b"[" * 300,
    b"\xc1\xfb\x7f\xf0\0\0\0\0\0\0",
    b"\xd8\x1d\0",
    b"\xbf",
    b"\x9f",
    b".1.",
    b"=&",
]


def read_or_refuse(
    service: str, operation: str, protocol: Protocol, request: WireRequest, labels: dict[str, str]
) -> None:
    """Read `request`; anything but an input that can be checked, or a 4xx, fails."""
    ours = codec(service, operation, protocol)
    try:
        params = ours.read(request, labels)
        assert isinstance(params, dict)
        ours.check(params)
    except ServiceError as error:
        assert 400 <= (error.status or 0) < 500  # noqa: PT017 - either outcome is good


def mutated(data: bytes, rng: random.Random) -> bytes:
    """`data` with a few bytes changed, cut out, doubled or replaced by something nasty."""
    for _ in range(rng.randrange(1, 4)):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.randrange(12))
        middle = rng.choice([b"", data[start:end] * 2, rng.randbytes(rng.randrange(6)), rng.choice(SPICES)])
        data = data[:start] + middle + data[end:]
    return data


def valid(service: str, operation: str, protocol: Protocol, seed: int) -> tuple[WireRequest, dict[str, str]]:
    """A valid request."""
    found = service_model(service).operations[operation]
    return serialize(found, protocol, Generator(seed).structure(Shape(found.service, found.raw["input"])))


@pytest.mark.parametrize(("service", "operation", "protocol"), SAMPLE)
def test_mutated_requests_are_read_or_refused(service: str, operation: str, protocol: Protocol) -> None:
    rng = random.Random(operation)
    for seed in range(12):
        request, labels = valid(service, operation, protocol, seed)
        for _ in range(20):
            texts = {
                key: mutated(text.encode(), rng).decode("latin-1") for key, text in request.headers.items()
            }
            parts = {key: mutated(text.encode(), rng).decode("latin-1") for key, text in labels.items()}
            changed = WireRequest(
                request.method,
                request.raw_path,
                mutated(request.query.encode(), rng).decode("latin-1"),
                texts,
                mutated(request.body, rng),
            )
            read_or_refuse(service, operation, protocol, changed, parts)


@settings(max_examples=300, deadline=None)
@given(sample=st.sampled_from(SAMPLE), body=st.binary(max_size=200), query=st.text(max_size=50))
def test_random_requests_are_read_or_refused(
    sample: tuple[str, str, Protocol], body: bytes, query: str
) -> None:
    read_or_refuse(*sample, WireRequest("POST", "/", query, {}, body), {})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_values_of_wrong_types_are_refused_by_name(data: st.DataObject) -> None:
    members = service_model("sagemaker").operations["CreateTrainingJob"].input_members
    body = data.draw(st.dictionaries(st.sampled_from(sorted(members)), JSON, max_size=5))
    try:
        packed = orjson.dumps(body)
    except (TypeError, orjson.JSONEncodeError):
        return
    read_or_refuse("sagemaker", "CreateTrainingJob", "json", WireRequest("POST", "/", "", {}, packed), {})


@pytest.mark.parametrize(
    ("protocol", "service", "operation", "body"),
    [
        ("json", "dynamodb", "PutItem", b'{"Item":{"a":' + b'{"M":{"a":' * 450 + b"1" + b"}}" * 450 + b"}}"),
        ("cbor", "cloudwatch", "PutMetricData", b"\x81" * 100_000),
        ("cbor", "cloudwatch", "PutMetricData", b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff"),
        ("rest-xml", "s3", "DeleteObjects", b'<!DOCTYPE a [<!ENTITY b "c">]><Delete>&b;</Delete>'),
        (
            "rest-xml",
            "s3",
            "DeleteObjects",
            '<?xml version="1.0" encoding="utf-16"?><Delete/>'.encode("utf-16"),
        ),
        ("rest-xml", "s3", "DeleteObjects", b"<Delete>" + b"<a/>" * 500_000 + b"</Delete>"),
        ("query", "sts", "AssumeRole", b"Tags" + b".member" * 50_000 + b"=1"),
        ("query", "sts", "AssumeRole", b"Tags.member.999999999999999999999=1"),
        ("query", "sts", "AssumeRole", b"DurationSeconds=" + b"9" * 10_000),
        ("json", "sagemaker", "CreateTrainingJob", unquote_to_bytes("%22%ed%a0%80%22")),
    ],
)
def test_hostile_requests_are_refused(protocol: Protocol, service: str, operation: str, body: bytes) -> None:
    with pytest.raises(ServiceError) as caught:
        codec(service, operation, protocol).read(WireRequest("POST", "/", "", {}, body), {"Bucket": "b"})
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("protocol", "service", "operation", "body"),
    [
        ("cbor", "cloudwatch", "PutMetricData", b"\xd8\x1c\xa1\x61a\xd8\x1d\x00"),  # a map that holds itself
        ("cbor", "dynamodb", "PutItem", b"\xa1\x64Item\xa1\x61a\xd8\x1c\xa1\x61M\xa1\x61a\xd8\x1d\x00"),
        ("rest-xml", "s3", "DeleteObjects", b"<a>" * 100_000 + b"</a>" * 100_000),
    ],
)
def test_deep_requests_are_survived(protocol: Protocol, service: str, operation: str, body: bytes) -> None:
    read_or_refuse(service, operation, protocol, WireRequest("POST", "/", "", {}, body), {"Bucket": "b"})
