"""Websites, visited as browsers do."""

import http.client
import json
from collections.abc import Mapping
from typing import Any

import pytest

from sagesse.testing.server import Server
from tests.services.s3.account import open_bucket
from tests.services.s3.conftest import Refusals

INDEX = {"IndexDocument": {"Suffix": "index.html"}}


@pytest.fixture
def site(s3: Any) -> str:
    name = open_bucket(s3)
    open_to_all(s3, name, "s3:GetObject", "s3:ListBucket")
    for key in ("index.html", "docs/index.html", "error.html", "a b.html"):
        s3.put_object(Bucket=name, Key=key, Body=key.encode(), ContentType="text/html")
    return name


def open_to_all(s3: Any, bucket: str, *actions: str) -> None:
    resources = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": actions, "Resource": resources}
    s3.put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )


def put(s3: Any, bucket: str, **more: Any) -> None:
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={**INDEX, **more})


def visit(
    server: Server,
    bucket: str,
    path: str,
    *,
    method: str = "GET",
    host: str = "s3-website.localhost",
    **more: str,
) -> tuple[int, Mapping[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    headers = {"Host": f"{bucket}.{host}", **{name.replace("_", "-"): value for name, value in more.items()}}
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "host",
    ["s3-website.localhost", "s3-website-us-east-1.amazonaws.com", "s3-website.eu-central-1.amazonaws.com"],
)
def test_a_folder_shows_its_index(s3: Any, server: Server, site: str, host: str) -> None:
    put(s3, site)
    status, headers, body = visit(server, site, "/", host=host)
    assert (status, body, headers["Content-Type"]) == (200, "index.html", "text/html")
    assert visit(server, site, "/docs/", host=host)[2] == "docs/index.html"
    assert visit(server, site, "/a%20b.html", host=host)[2] == "a b.html"


def test_a_folder_without_its_slash_is_redirected(s3: Any, server: Server, site: str) -> None:
    put(s3, site)
    status, headers, _ = visit(server, site, "/docs")
    assert (status, headers["Location"]) == (302, "/docs/")
    assert headers["x-amz-request-id"]


def test_what_is_missing_shows_the_error_document(s3: Any, server: Server, site: str) -> None:
    put(s3, site, ErrorDocument={"Key": "error.html"})
    assert visit(server, site, "/no")[::2] == (404, "error.html")
    put(s3, site)
    status, _, body = visit(server, site, "/no")
    assert status == 404
    assert "<li>Code: NoSuchKey</li>" in body


def test_where_nobody_may_list_what_is_missing_is_refused(s3: Any, server: Server, site: str) -> None:
    put(s3, site, ErrorDocument={"Key": "error.html"})
    open_to_all(s3, site, "s3:GetObject")
    assert visit(server, site, "/no")[::2] == (403, "error.html")
    assert visit(server, site, "/docs")[0] == 302


def test_an_object_may_redirect(s3: Any, server: Server, site: str) -> None:
    put(s3, site)
    for key, target in (("moved", "/a b.html"), ("away", "https://example.com/x")):
        s3.put_object(Bucket=site, Key=key, Body=b"old", WebsiteRedirectLocation=target)
        status, headers, body = visit(server, site, f"/{key}")
        assert (status, headers["Location"], body) == (301, target, "")
        assert s3.head_object(Bucket=site, Key=key)["WebsiteRedirectLocation"] == target
    s3.copy_object(Bucket=site, Key="copy", CopySource=f"{site}/moved")
    assert "WebsiteRedirectLocation" not in s3.head_object(Bucket=site, Key="copy")
    s3.copy_object(Bucket=site, Key="moved", CopySource=f"{site}/moved", WebsiteRedirectLocation="/docs/")
    assert visit(server, site, "/moved")[1]["Location"] == "/docs/"


def test_where_an_object_redirects_must_be_a_place(site: str, refused: Refusals) -> None:
    wish = {"Bucket": site, "Key": "k", "WebsiteRedirectLocation": "docs"}
    assert refused("put_object", **wish) == ("InvalidRedirectLocation", 400)


def test_what_is_not_public_is_refused(s3: Any, server: Server, site: str) -> None:
    put(s3, site)
    s3.delete_bucket_policy(Bucket=site)
    status, _, body = visit(server, site, "/")
    assert status == 403
    assert "<li>Code: AccessDenied</li>" in body


def test_everything_may_be_redirected(s3: Any, server: Server, site: str) -> None:
    wish = {"RedirectAllRequestsTo": {"HostName": "www.example.com", "Protocol": "https"}}
    s3.put_bucket_website(Bucket=site, WebsiteConfiguration=wish)
    status, headers, _ = visit(server, site, "/a/b")
    assert (status, headers["Location"]) == (301, "https://www.example.com/a/b")


def test_routing_rules_redirect(s3: Any, server: Server, site: str) -> None:
    rules = [
        {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "docs/"}},
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "404"},
            "Redirect": {"HostName": "h.example.com", "HttpRedirectCode": "307", "ReplaceKeyWith": "lost"},
        },
    ]
    put(s3, site, RoutingRules=rules)
    status, headers, _ = visit(server, site, "/old/x")
    assert (status, headers["Location"]) == (301, f"http://{site}.s3-website.localhost/docs/x")
    status, headers, _ = visit(server, site, "/no")
    assert (status, headers["Location"]) == (307, "http://h.example.com/lost")


def test_a_page_that_did_not_change_is_not_sent(s3: Any, server: Server, site: str) -> None:
    put(s3, site)
    etag = visit(server, site, "/")[1]["ETag"]
    assert visit(server, site, "/", If_None_Match=etag)[::2] == (304, "")
    assert visit(server, site, "/", method="HEAD")[::2] == (200, "")


def test_a_bucket_without_a_website_has_none(server: Server, site: str) -> None:
    status, _, body = visit(server, site, "/")
    assert status == 404
    assert "NoSuchWebsiteConfiguration" in body
    assert visit(server, site, "/", method="PUT")[0] == 405
