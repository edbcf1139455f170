"""Every operation of every service is found from the request botocore makes of it."""

import pytest

from sagesse.core.error import ServiceError
from sagesse.core.model import SERVICES
from sagesse.wire.message import WireRequest
from sagesse.wire.route import Router, router
from tests.wire.sample import samples

# The same request, byte for byte, means two things; docs/wire.md says which one answers.
TWIN_SERVICES = {
    "docdb": "rds",
    "timestream-query": "timestream-write",
    "lex-models": "lexv2-models",
    "greengrass": "greengrassv2",
}
TWIN_OPERATIONS = {
    ("s3", "GetBucketLifecycle"): "GetBucketLifecycleConfiguration",
    ("s3", "GetBucketNotification"): "GetBucketNotificationConfiguration",
    ("s3", "PutBucketLifecycle"): "PutBucketLifecycleConfiguration",
    ("s3", "PutBucketNotification"): "PutBucketNotificationConfiguration",
    ("s3", "ListDirectoryBuckets"): "ListBuckets",
    ("s3control", "CreateBucket"): "PutObject",
    ("lex-models", "StartImport"): "ListImports",
}


def _request(method: str, path: str, query: str = "", **headers: str) -> WireRequest:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return WireRequest(
        method=method, raw_path=path, query=query, headers={"host": "127.0.0.1:4566", **fields}
    )


def _operation(request: WireRequest, signing_name: str | None) -> str:
    found = router().route(request, signing_name)
    return f"{found.service}:{found.operation}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_is_found_from_botocores_request(service: str) -> None:
    wrong: list[str] = []
    for sample in samples(service):
        found = router().route(sample.request, sample.signing_name)
        if TWIN_OPERATIONS.get((service, sample.operation)) == found.operation:
            continue
        is_service = found.service in {service, TWIN_SERVICES.get(service)}
        is_twin = found.service != service
        right = found.operation == sample.operation and (is_twin or found.labels == sample.labels)
        if not (is_service and right):
            wrong.append(f"{sample.operation}: {found} for {sample.request}")
    assert wrong == []


def test_only_the_models_in_use_are_compiled() -> None:
    fresh = Router()
    fresh.route(_request("GET", "/bucket/key"), "s3")
    assert list(fresh._trees) == [("s3",)]


@pytest.mark.parametrize(
    ("host", "path", "labels"),
    [
        ("photos.s3.eu-west-1.amazonaws.com", "/a/b", {"Bucket": "photos", "Key": "a/b"}),
        ("photos.s3.amazonaws.com", "/", {"Bucket": "photos"}),
        ("my.photos.s3-us-west-2.amazonaws.com", "/k", {"Bucket": "my.photos", "Key": "k"}),
        ("photos.localhost:4566", "/k", {"Bucket": "photos", "Key": "k"}),
        ("photos.s3.localhost:4566", "/k", {"Bucket": "photos", "Key": "k"}),
        ("localhost:4566", "/photos/k", {"Bucket": "photos", "Key": "k"}),
        ("s3.us-east-1.amazonaws.com", "/photos/k", {"Bucket": "photos", "Key": "k"}),
    ],
)
def test_a_bucket_is_found_in_host_or_path(host: str, path: str, labels: dict[str, str]) -> None:
    assert router().route(_request("GET", path, host=host), "s3").labels == labels


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/photos//a", "/a"),
        ("/photos/a/", "a/"),
        ("/photos/a%2Fb", "a/b"),
        ("/photos/../x", "../x"),
        ("/photos/a+b%20c", "a+b c"),
        ("/photos/%F0%9F%98%80", "\N{GRINNING FACE}"),
    ],
)
def test_a_key_is_taken_as_sent(path: str, key: str) -> None:
    assert router().route(_request("GET", path), "s3").labels == {"Bucket": "photos", "Key": key}


@pytest.mark.parametrize(
    ("method", "path", "query", "operation"),
    [
        ("GET", "/", "", "ListBuckets"),
        ("GET", "/b/", "", "ListObjects"),
        ("GET", "/b", "list-type=2&prefix=x", "ListObjectsV2"),
        ("PUT", "/b/k", "partNumber=1&uploadId=x", "UploadPart"),
        ("PUT", "/b/k", "x-id=PutObject", "PutObject"),
        ("GET", "/b/k", "uploadId=x", "ListParts"),
        ("DELETE", "/b/k", "uploadId=x", "AbortMultipartUpload"),
        ("POST", "/b/k", "uploads=", "CreateMultipartUpload"),
        ("POST", "/b/k", "uploadId=x", "CompleteMultipartUpload"),
        ("PUT", "/b/k", "uploadId=x", "UploadPart"),
        ("PUT", "/b/k", "partNumber=1", "UploadPart"),
        ("GET", "/b/k", "partNumber=1", "GetObject"),
        ("GET", "/b", "id=1", "ListObjects"),
        ("GET", "/b", "analytics", "ListBucketAnalyticsConfigurations"),
        ("GET", "/b", "analytics&id=1", "GetBucketAnalyticsConfiguration"),
        ("DELETE", "/b", "analytics", "DeleteBucketAnalyticsConfiguration"),
        ("GET", "/b", "notification", "GetBucketNotificationConfiguration"),
    ],
)
def test_s3_queries_tell_operations_apart(method: str, path: str, query: str, operation: str) -> None:
    assert _operation(_request(method, path, query), "s3") == f"s3:{operation}"


@pytest.mark.parametrize("query", ["acl", "versioning", "location"])
def test_a_subresource_that_cannot_be_deleted_never_deletes_the_bucket(query: str) -> None:
    with pytest.raises(ServiceError) as caught:
        router().route(_request("DELETE", "/b", query), "s3")
    assert (caught.value.code, caught.value.status) == ("MethodNotAllowed", 405)


def test_a_browser_upload_is_refused_by_name() -> None:
    with pytest.raises(ServiceError, match="PostObject"):
        router().route(_request("POST", "/b", content_type="multipart/form-data; boundary=x"), "s3")


def test_a_copy_is_told_from_a_put_by_its_header() -> None:
    assert _operation(_request("PUT", "/b/k", x_amz_copy_source="/a/k"), "s3") == "s3:CopyObject"


def test_unsigned_requests_go_to_s3() -> None:
    assert _operation(_request("GET", "/b/k"), None) == "s3:GetObject"


def test_an_unsigned_form_is_found_by_its_version() -> None:
    request = _request("POST", "/", content_type="application/x-www-form-urlencoded")
    request.body = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
    assert _operation(request, None) == "sts:AssumeRoleWithWebIdentity"


def test_a_presigned_action_stands_in_the_query() -> None:
    request = _request("GET", "/", "Action=GetCallerIdentity&Version=2011-06-15")
    assert router().route(request, "sts")[:3] == ("sts", "GetCallerIdentity", "query")


def test_the_rpc_path_names_the_operation() -> None:
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    found = router().route(_request("POST", path, smithy_protocol="rpc-v2-cbor"), "monitoring")
    assert found == ("cloudwatch", "PutMetricData", "cbor", {})


def test_the_host_decides_between_twins() -> None:
    host = "runtime-v2-lex.us-east-1.amazonaws.com"
    tag = _request("GET", "/tags/x", host="models.lex.us-east-1.amazonaws.com")
    assert _operation(tag, "lex") == "lex-models:ListTagsForResource"
    assert router().protocol(_request("GET", "/", host=host), None) == "rest-json"


def test_the_arn_decides_between_generations() -> None:
    old = "/tags/arn%3Aaws%3Alex%3Aus-east-1%3A123456789012%3Abot%3AOrderFlowers"
    new = "/tags/arn%3Aaws%3Alex%3Aus-east-1%3A123456789012%3Abot%2FABCDEFGHIJ"
    assert _operation(_request("GET", old), "lex") == "lex-models:ListTagsForResource"
    assert _operation(_request("GET", new), "lex") == "lexv2-models:ListTagsForResource"


@pytest.mark.parametrize(
    ("request_", "signing_name", "code"),
    [
        (
            _request("POST", "/", x_amz_target="SageMaker.MakeCoffee"),
            "sagemaker",
            "UnknownOperationException",
        ),
        (_request("POST", "/", x_amz_target="Nobody.DoIt"), "sagemaker", "UnknownOperationException"),
        (_request("POST", "/", x_amz_target="Nobody.DoIt"), "nobody", "NotImplemented"),
        (_request("GET", "/nothing/here"), "polly", "UnknownOperationException"),
        (_request("POST", "/", host="ec2.us-east-1.amazonaws.com"), None, "NotImplemented"),
        (
            _request("POST", "/service/x", smithy_protocol="rpc-v2-cbor"),
            "monitoring",
            "UnknownOperationException",
        ),
        (_request("POST", "/", smithy_protocol="rpc-v2-json"), "monitoring", "SerializationException"),
        (_request("GET", "/b/%FF"), "s3", "InvalidURI"),
    ],
)
def test_what_is_unknown_is_refused(request_: WireRequest, signing_name: str | None, code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        router().route(request_, signing_name)
    assert caught.value.code == code
