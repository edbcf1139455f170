"""Cross-origin sharing, asked as a browser asks."""

import urllib.error
import urllib.request
from typing import Any

import pytest

from sagesse.testing.server import Server
from tests.services.s3.conftest import Refusals

PAGE = "https://page.example.com"


def ask(server: Server, method: str, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{server.url}{path}", method=method, headers=named)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read().decode()


def preflight(server: Server, bucket: str, **more: str) -> tuple[int, dict[str, str], str]:
    headers = {"Origin": PAGE, "Access_Control_Request_Method": "PUT", **more}
    return ask(server, "OPTIONS", f"/{bucket}/k", **headers)


def share(s3: Any, bucket: str, **more: Any) -> None:
    rule = {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://*.example.com"], **more}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})


def test_rules_are_returned_as_they_were_put(s3: Any, bucket: str, refused: Refusals) -> None:
    assert refused("get_bucket_cors", Bucket=bucket) == ("NoSuchCORSConfiguration", 404)
    share(s3, bucket, MaxAgeSeconds=60, ID="a")
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [
        {
            "ID": "a",
            "AllowedMethods": ["GET", "PUT"],
            "AllowedOrigins": ["https://*.example.com"],
            "MaxAgeSeconds": 60,
        }
    ]
    s3.delete_bucket_cors(Bucket=bucket)
    assert refused("get_bucket_cors", Bucket=bucket) == ("NoSuchCORSConfiguration", 404)


def test_a_preflight_is_answered_without_a_signature(s3: Any, bucket: str, server: Server) -> None:
    share(s3, bucket, AllowedHeaders=["x-amz-*"], ExposeHeaders=["ETag"], MaxAgeSeconds=60)
    status, headers, body = preflight(server, bucket, Access_Control_Request_Headers="X-Amz-Date, x-amz-acl")
    assert (status, body) == (200, "")
    shown = {name.lower(): value for name, value in headers.items()}
    assert shown["access-control-allow-origin"] == PAGE
    assert shown["x-amz-request-id"]
    assert shown["access-control-allow-methods"] == "GET, PUT"
    assert shown["access-control-allow-headers"] == "X-Amz-Date, x-amz-acl"
    assert shown["access-control-expose-headers"] == "ETag"
    assert shown["access-control-max-age"] == "60"
    assert shown["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize(
    "more",
    [
        {"Origin": "https://elsewhere.org"},
        {"Access_Control_Request_Method": "DELETE"},
        {"Access_Control_Request_Headers": "x-other"},
    ],
)
def test_a_preflight_that_no_rule_allows_is_refused(
    s3: Any, bucket: str, server: Server, more: dict[str, str]
) -> None:
    share(s3, bucket)
    status, headers, body = preflight(server, bucket, **more)
    assert status == 403
    assert "<Code>AccessForbidden</Code>" in body
    assert not any(name.lower().startswith("access-control") for name in headers)


def test_without_rules_nothing_is_shared(bucket: str, server: Server) -> None:
    assert "CORS is not enabled for this bucket" in preflight(server, bucket)[2]
    assert preflight(server, "no-such-bucket")[0] == 404
    assert ask(server, "OPTIONS", f"/{bucket}/k")[0] == 400
    assert ask(server, "OPTIONS", f"/{bucket}/k", Origin=PAGE)[0] == 400


def test_an_answer_may_be_read_by_the_page_that_asked(s3: Any, bucket: str, server: Server) -> None:
    share(s3, bucket, AllowedOrigins=["*"])
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    path = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})[len(server.url) :]
    status, headers, body = ask(server, "GET", path, Origin=PAGE)
    assert (status, body) == (200, "x")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in ask(server, "GET", path)[1]


def test_a_refusal_may_be_read_too(s3: Any, bucket: str, server: Server) -> None:
    share(s3, bucket)
    status, headers, _ = ask(server, "GET", f"/{bucket}/k", Origin=PAGE)
    assert (status, headers["Access-Control-Allow-Origin"]) == (403, PAGE)


@pytest.mark.parametrize("origin", ["https://example.com", "https://.example.com.org", "https://exa"])
def test_a_wild_card_needs_what_stands_around_it(s3: Any, bucket: str, server: Server, origin: str) -> None:
    share(s3, bucket, AllowedOrigins=["https://exam*ample.com"])
    assert preflight(server, bucket, Origin="https://example.ample.com")[0] == 200
    assert preflight(server, bucket, Origin=origin)[0] == 403


def test_a_preflight_names_few_headers(s3: Any, bucket: str, server: Server) -> None:
    share(s3, bucket, AllowedHeaders=["*"])
    names = [",".join(f"x-{number}" for number in range(count)) for count in (100, 101)]
    asked = [preflight(server, bucket, Access_Control_Request_Headers=name)[0] for name in names]
    assert asked == [200, 403]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"AllowedOrigins": ["x" * 65_536]}, "MalformedXML"),
        ({"AllowedMethods": ["PATCH"]}, "InvalidRequest"),
        ({"AllowedOrigins": ["https://*.*.com"]}, "InvalidRequest"),
        ({"AllowedHeaders": ["**"]}, "InvalidRequest"),
        ({"ExposeHeaders": ["x-*"]}, "InvalidRequest"),
    ],
)
def test_a_wrong_rule_is_refused(bucket: str, refused: Refusals, more: dict[str, Any], code: str) -> None:
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], **more}
    error = refused("put_bucket_cors", Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert error == (code, 400)
