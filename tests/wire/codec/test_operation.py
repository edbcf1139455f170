"""What services and the server rely on, one case at a time."""

import math
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import cbor2
import orjson
import pytest

from sagesse.core.body import BytesUpload, FileSlice
from sagesse.core.error import ServiceError
from sagesse.core.model import service_model
from sagesse.wire.codec import codec
from sagesse.wire.message import WireReply, WireRequest


def request(body: bytes = b"", *, query: str = "", headers: dict[str, str] | None = None) -> WireRequest:
    """A POST."""
    return WireRequest("POST", "/", query, headers or {}, body)


def header(reply: WireReply, name: str) -> str | None:
    """The first header of that name."""
    return next((value for key, value in reply.headers if key == name), None)


def test_a_codec_is_compiled_once() -> None:
    assert codec("sts", "GetCallerIdentity", "query") is codec("sts", "GetCallerIdentity", "query")


def test_threads_share_one_complete_codec() -> None:
    names = list(service_model("dynamodbstreams").operations) * 4
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda name: codec("dynamodbstreams", name, "cbor"), names))
    assert len(set(map(id, found))) == len(set(names))


def test_an_unknown_operation_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        codec("sts", "Nothing", "query")


def test_null_and_unknown_members_are_left_out() -> None:
    read = codec("sagemaker", "CreateModel", "json").read
    assert read(request(b'{"ModelName":"m","Containers":null,"Nope":1,"Tags":[]}'), {}) == {
        "ModelName": "m",
        "Tags": [],
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"ModelName":5}', "class java.lang.Integer can not be converted to a String (at ModelName)"),
        (b'{"Tags":{}}', "class java.util.HashMap can not be converted to a list (at Tags)"),
        (b'{"Tags":[{"Key":true}]}', "class java.lang.Boolean can not be converted to a String (at Key)"),
        (b'{"Tags":[null]}', "null at Tags can not be converted to a structure"),
        (b"[]", "class java.util.ArrayList can not be converted to a structure (at the request body)"),
    ],
)
def test_wrong_types_are_refused_by_name(body: bytes, message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        codec("sagemaker", "CreateModel", "json").read(request(body), {})
    assert (caught.value.code, caught.value.message) == ("SerializationException", message)


def test_whole_floats_are_integers() -> None:
    read = codec("sagemaker", "ListModels", "json").read
    assert read(request(b'{"MaxResults":5.0}'), {}) == {"MaxResults": 5}


def test_json_output_drops_none_and_spells_nan() -> None:
    result = {
        "ModelName": "m",
        "ModelArn": None,
        "PrimaryContainer": {"Image": None, "Environment": {"a": "null"}},
        "X": 1,
    }
    reply = codec("sagemaker", "DescribeModel", "json").write(result, "id")
    assert orjson.loads(reply.body) == {"ModelName": "m", "PrimaryContainer": {"Environment": {"a": "null"}}}  # type: ignore[arg-type]
    metric = {"FinalMetricDataList": [{"MetricName": "loss", "Value": math.nan}]}
    reply = codec("sagemaker", "DescribeTrainingJob", "json").write(metric, "id")
    assert orjson.loads(reply.body)["FinalMetricDataList"][0]["Value"] == "NaN"  # type: ignore[arg-type]


def test_documents_keep_their_nulls() -> None:
    read = codec("marketplace-catalog", "StartChangeSet", "rest-json").read
    body = b'{"Catalog":"c","ChangeSet":[{"DetailsDocument":{"a":null}}]}'
    assert read(request(body), {})["ChangeSet"][0]["DetailsDocument"] == {"a": None}


def test_json_replies_have_type_and_request_id() -> None:
    reply = codec("sagemaker", "StopTrainingJob", "json").write({}, "id-7")
    assert (reply.status, reply.body, header(reply, "x-amzn-RequestId")) == (200, b"", "id-7")
    assert header(reply, "Content-Type") == "application/x-amz-json-1.1"


def test_cbor_replies_carry_tagged_timestamps() -> None:
    reply = codec("cloudwatch", "ListMetrics", "cbor").write({"Metrics": [], "NextToken": None}, "id")
    assert (header(reply, "smithy-protocol"), cbor2.loads(reply.body)) == ("rpc-v2-cbor", {"Metrics": []})
    result = {"MetricDataResults": [{"Id": "a", "Timestamps": [1.5], "Values": [2.0]}]}
    body = codec("cloudwatch", "GetMetricData", "cbor").write(result, "id").body
    assert b"\xc1\xfb?\xf8" in body  # type: ignore[operator]


def test_query_reads_lists_of_scalars_and_structures() -> None:
    body = (
        b"Action=AssumeRole&RoleArn=a&PolicyArns.member.2.arn=y&PolicyArns.member.1.arn=x&DurationSeconds=900"
    )
    assert codec("sts", "AssumeRole", "query").read(request(body), {}) == {
        "RoleArn": "a",
        "PolicyArns": [{"arn": "x"}, {"arn": "y"}],
        "DurationSeconds": 900,
    }


def test_query_reads_the_query_string_too() -> None:
    assert codec("sts", "AssumeRole", "query").read(request(query="Action=AssumeRole&RoleArn=a"), {}) == {
        "RoleArn": "a"
    }


def test_json_services_are_spoken_to_in_query() -> None:
    body = (
        b"Namespace=n&MetricData.member.1.MetricName=m&MetricData.member.1.Timestamp=2026-11-21T00%3A00%3A00Z"
    )
    assert codec("cloudwatch", "PutMetricData", "query").read(request(body), {}) == {
        "Namespace": "n",
        "MetricData": [{"MetricName": "m", "Timestamp": 1795219200.0}],
    }


def test_query_replies_are_wrapped() -> None:
    reply = codec("sts", "GetCallerIdentity", "query").write({"Account": "1"}, "id-1")
    root = ElementTree.fromstring(reply.body)  # type: ignore[arg-type]
    space = "{https://sts.amazonaws.com/doc/2011-06-15/}"
    assert root.tag == f"{space}GetCallerIdentityResponse"
    assert root.findtext(f"{space}GetCallerIdentityResult/{space}Account") == "1"
    assert root.findtext(f"{space}ResponseMetadata/{space}RequestId") == "id-1"


def test_rest_json_services_are_spoken_to_in_json() -> None:
    read = codec("sagemaker-runtime", "InvokeEndpoint", "json").read
    assert read(request(b'{"EndpointName":"e","Body":"YQ=="}'), {}) == {"EndpointName": "e", "Body": b"a"}


def test_a_streaming_payload_passes_through() -> None:
    put, upload = codec("s3", "PutObject", "rest-xml"), BytesUpload(b"abc")
    sent = WireRequest("PUT", "/b/k", "", {"x-amz-meta-a": "1", "content-length": "3"}, b"", upload)
    params = put.read(sent, {"Bucket": "b", "Key": "k"})
    assert put.streams_in
    assert params["Body"] is upload
    assert params == {"Bucket": "b", "Key": "k", "Body": upload, "Metadata": {"a": "1"}, "ContentLength": 3}


def test_a_required_payload_may_be_empty() -> None:
    invoke = codec("sagemaker-runtime", "InvokeEndpoint", "rest-json")
    params = invoke.read(request(), {"EndpointName": "e"})
    assert params == {"EndpointName": "e", "Body": b""}
    assert not invoke.streams_in
    invoke.check(params)


def test_a_parameter_of_the_wrong_type_is_refused_by_its_name_in_s3() -> None:
    with pytest.raises(ServiceError) as caught:
        codec("s3", "ListObjectsV2", "rest-xml").read(
            WireRequest("GET", "/b", "max-keys=x", {}), {"Bucket": "b"}
        )
    assert caught.value.code == "InvalidArgument"
    assert caught.value.message == "Provided max-keys not an integer or within integer range"
    assert caught.value.fields == {"ArgumentName": "max-keys", "ArgumentValue": "x"}


def test_a_date_that_is_none_is_no_condition() -> None:
    headers = {"if-modified-since": "yesterday", "if-unmodified-since": "Thu, 01 Jan 1970 00:00:07 GMT"}
    read = codec("s3", "GetObject", "rest-xml").read
    params = read(WireRequest("GET", "/b/k", "", headers), {"Bucket": "b", "Key": "k"})
    assert (params["IfModifiedSince"], params["IfUnmodifiedSince"]) == (None, 7.0)


def test_a_document_has_the_root_it_should_have() -> None:
    put = codec("s3", "PutBucketVersioning", "rest-xml")

    def read(body: bytes) -> dict[str, object]:
        return put.read(WireRequest("PUT", "/b", "versioning", {}, body), {"Bucket": "b"})

    status = b"<Status>Enabled</Status>"
    for body in (
        b"<VersioningConfiguration>%b</VersioningConfiguration>" % status,
        b'<v:VersioningConfiguration xmlns:v="urn:x">%b</v:VersioningConfiguration>' % status,
    ):
        assert read(body)["VersioningConfiguration"] == {"Status": "Enabled"}
    with pytest.raises(ServiceError, match="MalformedXML"):
        read(b"<Other>%b</Other>" % status)
    with pytest.raises(ServiceError, match="MissingRequestBodyError"):
        put.check(read(b""))


def test_a_file_slice_leaves_as_it_is(tmp_path) -> None:  # type: ignore[no-untyped-def]
    get, piece = codec("s3", "GetObject", "rest-xml"), FileSlice(tmp_path, 0, 3)
    result = {
        "Body": piece,
        "ContentLength": 3,
        "LastModified": 0.0,
        "Metadata": {"k": "v"},
        "ContentType": "a/b",
    }
    reply = get.write(result, "id")
    assert get.streams_out
    assert reply.body is piece
    assert ("x-amz-meta-k", "v") in reply.headers
    assert header(reply, "Last-Modified") == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert header(reply, "x-amz-request-id") == "id"


def test_s3_lists_have_s3s_root_and_milliseconds() -> None:
    reply = codec("s3", "ListObjectsV2", "rest-xml").write(
        {"Contents": [{"Key": "a&b", "LastModified": 1.0}]}, "id"
    )
    assert reply.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<Contents><Key>a&amp;b</Key><LastModified>1970-01-01T00:00:01.000Z</LastModified></Contents></ListBucketResult>"
    )


@pytest.mark.parametrize(("region", "text"), [(None, ""), ("eu-west-1", "eu-west-1")])
def test_get_bucket_location_is_a_bare_text(region: str | None, text: str) -> None:
    reply = codec("s3", "GetBucketLocation", "rest-xml").write({"LocationConstraint": region}, "id")
    root = ElementTree.fromstring(reply.body)  # type: ignore[arg-type]
    assert (root.tag, root.text or "") == (
        "{http://s3.amazonaws.com/doc/2006-03-01/}LocationConstraint",
        text,
    )


def test_xml_attributes_and_namespaces_survive() -> None:
    grant = {"Grantee": {"Type": "CanonicalUser", "ID": "me"}, "Permission": "READ"}
    reply = codec("s3", "GetBucketAcl", "rest-xml").write({"Grants": [grant]}, "id")
    assert (
        b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>me'
        in reply.body
    )  # type: ignore[operator]


def test_no_client_can_start_a_header() -> None:
    reply = codec("s3", "GetObject", "rest-xml").write(
        {"Body": b"", "ContentDisposition": "a\r\nSet-Cookie: b"}, "id"
    )
    assert header(reply, "Content-Disposition") == "a  Set-Cookie: b"


def test_list_headers_respect_quotes() -> None:
    read = codec("s3", "GetObjectAttributes", "rest-xml").read
    params = read(
        request(headers={"x-amz-object-attributes": 'ETag, "a,b","c\\"d"'}), {"Bucket": "b", "Key": "k"}
    )
    assert params["ObjectAttributes"] == ["ETag", "a,b", 'c"d']
