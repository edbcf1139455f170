"""Unmodified boto3 and raw signed requests through the whole wire."""

import gzip
import hashlib
import io
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from sagesse.core.principal import Principal
from tests.wire.fake import ACCOUNT, KEY, OLD_SESSION, SESSION, FakeServer

Boto = Callable[..., Any]


def code_of(call: Callable[[], Any]) -> tuple[str, int]:
    """The error code and status a client sees."""
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def fetch(request: urllib.request.Request | str) -> tuple[int, bytes, Any]:
    """A reply of any status."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as reply:
            return reply.status, reply.read(), reply.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def send_signed(
    wire: FakeServer, service: str, method: str, path: str, body: bytes, headers: dict[str, str]
) -> Any:
    """A request signed by botocore, its body or headers of our choosing."""
    request = AWSRequest(method, wire.url + path, headers=headers, data=body)
    signer = auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth
    signer(Credentials(KEY.access_key_id, KEY.secret), service, "eu-west-3").add_auth(request)
    sent = {name: str(value) for name, value in request.headers.items()}
    return urllib.request.Request(wire.url + path, data=body, headers=sent, method=method)


def test_the_call_says_who_and_where(wire: FakeServer, boto: Boto) -> None:
    boto("sts").get_caller_identity()
    call = wire.last
    assert (call.service, call.operation, call.region) == ("sts", "GetCallerIdentity", "eu-west-3")
    assert call.principal == Principal.root(ACCOUNT)
    assert call.source_ip == "127.0.0.1"
    assert "Boto3" in call.user_agent
    assert not call.is_secure


def test_a_reply_carries_the_calls_request_id(wire: FakeServer, boto: Boto) -> None:
    reply = boto("sagemaker").list_training_jobs()
    assert reply["ResponseMetadata"]["RequestId"] == wire.last.request_id


def test_a_session_token_is_accepted(wire: FakeServer, boto: Boto) -> None:
    session = {
        "aws_access_key_id": SESSION.access_key_id,
        "aws_secret_access_key": SESSION.secret,
        "aws_session_token": SESSION.session_token,
    }
    boto("sagemaker", **session).list_training_jobs()
    assert wire.last.principal.kind == "role"


BAD_KEY = {"aws_access_key_id": "AKIANOBODY"}
BAD_SECRET = {"aws_secret_access_key": "wrong"}
BAD_TOKEN = {
    "aws_access_key_id": SESSION.access_key_id,
    "aws_secret_access_key": SESSION.secret,
    "aws_session_token": "other",
}
EXPIRED = {
    "aws_access_key_id": OLD_SESSION.access_key_id,
    "aws_secret_access_key": "x",
    "aws_session_token": "old",
}


@pytest.mark.parametrize(
    ("options", "s3", "sts", "sagemaker", "runtime"),
    [
        (
            BAD_KEY,
            ("InvalidAccessKeyId", 403),
            ("InvalidClientTokenId", 403),
            ("UnrecognizedClientException", 400),
            ("UnrecognizedClientException", 403),
        ),
        (
            BAD_SECRET,
            ("SignatureDoesNotMatch", 403),
            ("SignatureDoesNotMatch", 403),
            ("InvalidSignatureException", 400),
            ("InvalidSignatureException", 403),
        ),
        (
            BAD_TOKEN,
            ("InvalidToken", 400),
            ("InvalidClientTokenId", 403),
            ("UnrecognizedClientException", 400),
            ("UnrecognizedClientException", 403),
        ),
        (
            EXPIRED,
            ("ExpiredToken", 400),
            ("ExpiredToken", 403),
            ("ExpiredTokenException", 400),
            ("ExpiredTokenException", 403),
        ),
    ],
)
def test_bad_credentials_get_the_code_of_the_service(
    boto: Boto, options: dict[str, str], s3: Any, sts: Any, sagemaker: Any, runtime: Any
) -> None:
    assert code_of(lambda: boto("s3", **options).get_object(Bucket="bucket", Key="k")) == s3
    assert code_of(lambda: boto("sts", **options).get_caller_identity()) == sts
    assert code_of(lambda: boto("sagemaker", **options).list_training_jobs()) == sagemaker
    invoke = boto("sagemaker-runtime", **options).invoke_endpoint
    assert code_of(lambda: invoke(EndpointName="e", Body=b"x")) == runtime


def test_a_refused_call_never_reaches_the_pipeline(wire: FakeServer, boto: Boto) -> None:
    before = len(wire.pipeline.calls)
    code_of(lambda: boto("sts", **BAD_SECRET).get_caller_identity())
    assert len(wire.pipeline.calls) == before


def test_an_unsigned_call_is_refused(wire: FakeServer) -> None:
    request = urllib.request.Request(
        wire.url, data=b"{}", headers={"X-Amz-Target": "SageMaker.ListTrainingJobs"}
    )
    status, body, _ = fetch(request)
    assert (status, json.loads(body)["__type"]) == (403, "MissingAuthenticationTokenException")


def test_an_unsigned_s3_call_is_anonymous(wire: FakeServer) -> None:
    fetch(wire.url + "/bucket/missing")
    assert wire.last.principal.kind == "anonymous"


def test_a_signature_of_another_service_is_refused(wire: FakeServer) -> None:
    headers = {"X-Amz-Target": "SageMaker.ListTrainingJobs", "Content-Type": "application/x-amz-json-1.1"}
    status, body, _ = fetch(send_signed(wire, "glue", "POST", "/", b"{}", headers))
    assert status == 400
    assert b"Credential should be scoped to correct service: 'sagemaker'" in body


def test_a_presigned_get_needs_nothing_else(wire: FakeServer, boto: Boto) -> None:
    (wire.pipeline.folder / "photo").write_bytes(b"pixels")
    url = boto("s3", config=Config(signature_version="s3v4")).generate_presigned_url(
        "get_object", Params={"Bucket": "bucket", "Key": "photo"}, ExpiresIn=60
    )
    assert fetch(url)[:2] == (200, b"pixels")
    status, body, _ = fetch(url.replace("photo", "other"))
    assert status == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in body


def test_a_request_is_signed_once(wire: FakeServer, boto: Boto) -> None:
    client = boto("s3", config=Config(signature_version="s3v4"))
    url = client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    status, body, _ = fetch(urllib.request.Request(url, headers={"Authorization": "Basic eDp5"}))
    assert status == 400
    assert b"<Code>InvalidArgument</Code><Message>Only one auth mechanism allowed" in body


def test_a_presigned_sts_call_is_answered(wire: FakeServer, boto: Boto) -> None:
    url = boto("sts").generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    status, body, _ = fetch(url)
    assert status == 200
    assert b"<Account>123456789012</Account>" in body


def test_version_2_signatures_are_refused_clearly(wire: FakeServer) -> None:
    status, body, _ = fetch(urllib.request.Request(wire.url + "/b/k", headers={"Authorization": "AWS a:b"}))
    assert status == 400
    assert b"Please use AWS4-HMAC-SHA256" in body


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_an_upload_arrives_whole(wire: FakeServer, boto: Boto, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    reply = boto("s3").put_object(Bucket="bucket", Key="k", Body=io.BytesIO(data[:size]))
    assert reply["ETag"].strip('"') == hashlib.md5(data[:size]).hexdigest()
    assert wire.last.params["ContentLength"] == size


def test_an_upload_that_is_not_what_was_signed_is_refused(wire: FakeServer) -> None:
    request = send_signed(wire, "s3", "PUT", "/bucket/k", b"signed", {})
    request.data = b"forged"
    status, body, _ = fetch(request)
    assert status == 400
    assert b"<Code>XAmzContentSHA256Mismatch</Code>" in body


def test_a_signed_chunked_upload_is_decoded(wire: FakeServer) -> None:
    body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    headers = {
        "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X-Amz-Decoded-Content-Length": "5",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
        "Content-Encoding": "aws-chunked,gzip",
    }
    request = AWSRequest("PUT", wire.url + "/bucket/k", headers=headers, data=body)
    signer = auth.S3SigV4Auth(Credentials(KEY.access_key_id, KEY.secret), "s3", "eu-west-3")
    signer.payload = lambda _: "STREAMING-UNSIGNED-PAYLOAD-TRAILER"  # botocore does so over TLS only
    signer._modify_request_before_signing = lambda _: None
    request.headers["X-Amz-Date"] = request.context["timestamp"] = _now()
    request.headers["Authorization"] = _authorization(signer, request)
    sent = dict(request.headers.items())
    status, _, headers_out = fetch(
        urllib.request.Request(wire.url + "/bucket/k", data=body, headers=sent, method="PUT")
    )
    assert (status, headers_out["ETag"]) == (200, f'"{hashlib.md5(b"hello").hexdigest()}"')
    params = wire.last.params
    assert params["trailers"] == {"x-amz-checksum-crc32": "AAAAAA=="}
    assert (params["ContentLength"], params["ContentEncoding"]) == (5, "gzip")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")


def _authorization(signer: Any, request: Any) -> str:
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    names = signer.signed_headers(signer.headers_to_sign(request))
    return (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={names}, Signature={signature}"
    )


def test_a_file_comes_back_as_it_is(wire: FakeServer, boto: Boto) -> None:
    for size in (0, 1000, 100_000, 5_000_001):
        data = bytes(range(251)) * (size // 251 + 1)
        (wire.pipeline.folder / "file").write_bytes(data[:size])
        reply = boto("s3").get_object(Bucket="bucket", Key="file")
        assert reply["Metadata"] == {"a": "b"}
        assert reply["Body"].read() == data[:size]


def test_a_file_that_has_gone_is_an_error_to_retry(boto: Boto) -> None:
    assert code_of(lambda: boto("s3").get_object(Bucket="bucket", Key="gone")) == ("InternalFailure", 500)


def test_head_keeps_the_length_and_sends_no_body(boto: Boto) -> None:
    client = boto("s3")
    assert client.head_object(Bucket="bucket", Key="k")["ContentLength"] == 12345
    assert client.head_object(Bucket="bucket", Key="k")["ContentLength"] == 12345


def test_a_head_error_has_no_body(wire: FakeServer, boto: Boto) -> None:
    assert code_of(lambda: boto("s3", **BAD_SECRET).head_object(Bucket="bucket", Key="k")) == ("403", 403)


def test_gzip_bodies_are_inflated(wire: FakeServer, boto: Boto) -> None:
    config = Config(request_min_compression_size_bytes=1)
    data = [{"MetricName": "m", "Value": 1.0}]
    boto("cloudwatch", config=config).put_metric_data(Namespace="n", MetricData=data)
    assert wire.last.params == {"Namespace": "n", "MetricData": data}


def test_a_gzip_bomb_is_refused(wire: FakeServer) -> None:
    headers = {
        "X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData",
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Encoding": "gzip",
    }
    bomb = gzip.compress(bytes(70_000_000), compresslevel=1)
    assert fetch(send_signed(wire, "monitoring", "POST", "/", bomb, headers))[0] == 413


def test_a_body_beyond_the_bound_is_refused_unread(wire: FakeServer) -> None:
    request = urllib.request.Request(
        wire.url,
        method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "99999999"},
    )
    status, body, _ = fetch(request)
    assert status == 413
    assert b"67108864" in body


def test_a_document_of_s3_is_bounded_more_closely(wire: FakeServer) -> None:
    for length in ({"Content-Length": str(8 * 2**20 + 1)}, {"Transfer-Encoding": "chunked"}):
        data = iter([b"x" * 2**20] * 9) if "Transfer-Encoding" in length else None
        request = urllib.request.Request(f"{wire.url}/b?cors", method="PUT", data=data, headers=length)
        status, body, _ = fetch(request)
        assert status == 400
        assert b"<Code>MaxMessageLengthExceeded</Code>" in body
        assert b"<MaxMessageLengthBytes>8388608</MaxMessageLengthBytes>" in body


def test_validation_errors_come_from_the_pipelines_check(boto: Boto) -> None:
    client = boto("sagemaker", config=Config(parameter_validation=False))
    assert code_of(lambda: client.list_training_jobs(MaxResults=0))[0] == "ValidationException"


def test_what_is_not_built_says_so(boto: Boto) -> None:
    assert code_of(lambda: boto("iam").create_user(UserName="x")) == ("NotImplemented", 501)
    assert code_of(lambda: boto("ec2").describe_instances()) == ("NotImplemented", 501)


def test_an_unexpected_failure_tells_the_client_nothing(boto: Boto, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ClientError) as caught:
        boto("iot-data").get_thing_shadow(thingName="x")
    reply = caught.value.response
    assert (reply["Error"]["Code"], reply["ResponseMetadata"]["HTTPStatusCode"]) == ("InternalFailure", 500)
    assert "secret detail" not in str(reply)
    logged = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(logged) == 1
    assert reply["ResponseMetadata"]["RequestId"] in logged[0].getMessage()


def test_health_answers_anyone(wire: FakeServer) -> None:
    assert fetch(wire.url + "/_sagesse/health")[:2] == (200, b'{"status":"ok"}')


def test_unknown_own_endpoints_are_not_buckets(wire: FakeServer) -> None:
    assert fetch(wire.url + "/_sagesse/nothing")[0] == 404


def test_telemetry_is_swallowed(wire: FakeServer) -> None:
    host = {"Host": "sm-pysdk-t-us-east-1.s3.us-east-1.amazonaws.com"}
    assert fetch(urllib.request.Request(wire.url + "/telemetry?x=1", headers=host))[:2] == (200, b"")


def test_an_ephemeral_server_takes_any_key(tmp_path: Any) -> None:
    with FakeServer(tmp_path, accepts_unknown_keys=True) as server:
        client = boto3.client(
            "sts",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id="whoever",
            aws_secret_access_key="whatever",
        )
        assert client.get_caller_identity()["Account"] == ACCOUNT
        client.close()


def test_an_ephemeral_server_still_checks_keys_it_knows(tmp_path: Any) -> None:
    with FakeServer(tmp_path, accepts_unknown_keys=True) as server:
        client = boto3.client(
            "sts",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=KEY.access_key_id,
            aws_secret_access_key="whatever",
        )
        assert code_of(client.get_caller_identity)[0] == "SignatureDoesNotMatch"
        client.close()
