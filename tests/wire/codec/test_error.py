"""Every error shape of every service, and the forms of errors by protocol."""

from typing import Any
from xml.etree import ElementTree

import orjson
import pytest

from sagesse.core.error import ServiceError
from sagesse.core.model import Operation, service_model
from sagesse.wire.codec import codec, write_common_error
from sagesse.wire.codec.shape import Shape
from sagesse.wire.message import Protocol

from .instance import Generator
from .peer import parse, peer_model, service_protocols

_MESSAGE = ("message", "Message")


def some_operation(service: str, error: str) -> Operation:
    """An operation that declares `error`; any but a HEAD when none does."""
    operations = [op for op in service_model(service).operations.values() if op.http["method"] != "HEAD"]
    return next((op for op in operations if error in op.errors), operations[0])


def error_fields(shape: Shape) -> dict[str, Any]:
    """Random members of an error, its message and what headers cannot tell apart from absence left out."""
    fields = Generator(shape.name).structure(shape)
    return {key: value for key, value in fields.items() if key not in _MESSAGE and value not in ([], {})}


@pytest.mark.parametrize(("service", "protocol"), service_protocols())
def test_botocore_parses_every_modelled_error(service: str, protocol: Protocol) -> None:
    model = service_model(service)
    for name, raw in model.shapes.items():
        if not raw.get("exception"):
            continue
        operation, shape = some_operation(service, name), Shape(model, {"shape": name})
        fields = error_fields(shape)
        fields.pop("Type", None), fields.pop("Code", None)  # in XML these are the envelope's
        fields.pop("type", None), fields.pop("code", None)
        fields.pop("RequestId", None), fields.pop("HostId", None)
        reply = codec(service, operation.name, protocol).write_error(
            ServiceError(name, "what <went> wrong", fields=fields), "id"
        )
        assert_modelled(reply, operation, protocol, shape, fields)


def assert_modelled(
    reply: Any, operation: Operation, protocol: Protocol, shape: Shape, fields: dict[str, Any]
) -> None:
    traits = shape.traits.get("error", {})
    assert reply.status == traits.get("httpStatusCode", 500 if shape.traits.get("fault") else 400)
    if reply.status == 304:
        assert reply.body == b""
        return
    generic = parse(reply, operation, protocol, None)["Error"]
    is_compatible = "awsQueryCompatible" in operation.service.metadata
    by_code = protocol in ("query", "rest-xml") or is_compatible
    assert generic["Code"] == (traits.get("code", shape.name) if by_code else shape.name)
    assert generic["Message"] == "what <went> wrong"
    peer = peer_model(operation.service.name).shape_for(shape.name)
    modelled = parse(reply, operation, protocol, peer)
    assert {key: value for key, value in modelled.items() if key in fields} == fields


def test_an_error_may_be_raised_by_its_wire_code() -> None:
    reply = codec("iam", "GetUser", "query").write_error(ServiceError("NoSuchEntity", "no"), "id")
    assert (reply.status, b"<Code>NoSuchEntity</Code>" in reply.body) == (404, True)


def test_the_raisers_status_wins() -> None:
    reply = codec("iam", "GetUser", "query").write_error(ServiceError("NoSuchEntity", "no", status=410), "id")
    assert reply.status == 410


def test_json_errors_name_their_type_and_carry_the_request_id() -> None:
    reply = codec("sagemaker", "DescribeModel", "json").write_error(
        ServiceError("ValidationException", "no"), "id"
    )
    assert (reply.status, orjson.loads(reply.body)) == (
        400,
        {"__type": "ValidationException", "message": "no"},
    )
    assert ("x-amzn-RequestId", "id") in reply.headers


def test_rest_json_errors_name_their_type_in_a_header() -> None:
    error = ServiceError("ModelError", "boom", fields={"OriginalStatusCode": 500})
    reply = codec("sagemaker-runtime", "InvokeEndpoint", "rest-json").write_error(error, "id")
    assert (reply.status, dict(reply.headers)["x-amzn-ErrorType"]) == (424, "ModelError")
    assert orjson.loads(reply.body) == {"message": "boom", "Message": "boom", "OriginalStatusCode": 500}


def test_query_compatible_services_send_the_query_code() -> None:
    reply = codec("sqs", "GetQueueUrl", "json").write_error(ServiceError("QueueDoesNotExist", "no"), "id")
    assert ("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender") in reply.headers


def test_s3_errors_have_the_s3_form() -> None:
    error = ServiceError("NoSuchKey", "The specified key does not exist.", fields={"Key": "a<b"})
    root = ElementTree.fromstring(codec("s3", "GetObject", "rest-xml").write_error(error, "id").body)
    assert [child.tag for child in root] == ["Code", "Message", "Key", "RequestId", "HostId"]
    assert (root.tag, root.findtext("Key")) == ("Error", "a<b")


@pytest.mark.parametrize(("operation", "status"), [("HeadObject", 404), ("GetObject", 304)])
def test_head_and_not_modified_have_no_body(operation: str, status: int) -> None:
    reply = codec("s3", operation, "rest-xml").write_error(
        ServiceError("NoSuchKey", "no", status=status), "id"
    )
    assert (reply.status, reply.body) == (status, b"")


@pytest.mark.parametrize("protocol", ["json", "query", "rest-json", "rest-xml", "cbor"])
def test_common_errors_are_parsed_in_every_protocol(protocol: Protocol) -> None:
    reply = write_common_error(ServiceError("AccessDenied", "not you", status=403), "id", protocol)
    operation = service_model("sts").operations["GetCallerIdentity"]
    error = parse(reply, operation, protocol, None)["Error"]
    assert (reply.status, error["Code"], error["Message"]) == (403, "AccessDenied", "not you")


def test_common_errors_of_head_requests_have_no_body() -> None:
    assert (
        write_common_error(ServiceError("NoSuchBucket", "no", status=404), "id", "rest-xml", head=True).body
        == b""
    )


def test_no_line_break_of_an_error_reaches_a_header() -> None:
    reply = write_common_error(ServiceError("Evil\r\nSet-Cookie: a=b", "no"), "id", "rest-json")
    assert all("\r" not in value and "\n" not in value for _, value in reply.headers)


@pytest.mark.parametrize(("service", "operation"), [("iam", "ListRoles"), ("s3", "ListBuckets")])
def test_a_message_holds_only_what_xml_can(service: str, operation: str) -> None:
    protocol: Protocol = "query" if service == "iam" else "rest-xml"
    reply = codec(service, operation, protocol).write_error(
        ServiceError("ValidationError", "a\x00b\x1f\tc"), "id"
    )
    assert isinstance(reply.body, bytes)
    (message,) = [
        item.text for item in ElementTree.fromstring(reply.body).iter() if item.tag.endswith("Message")
    ]
    assert message == "a\ufffdb\ufffd\tc"
