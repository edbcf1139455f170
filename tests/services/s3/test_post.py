"""Browser uploads, with the forms boto3 signs."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.config import Config

from sagesse.testing.server import Server

BOUNDARY = "----form"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def post(url: str, fields: Mapping[str, str], data: bytes = b"hello") -> tuple[int, dict[str, str], str]:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'
        for n, v in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    body = "".join(parts).encode() + head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    request = urllib.request.Request(url, data=body, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())
    try:
        with opener.open(request, timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read().decode()


@pytest.fixture(scope="module", params=["s3v4", "s3"])
def signing(request: pytest.FixtureRequest, server: Server) -> Any:
    config = Config(signature_version=request.param, s3={"addressing_style": "path"})
    return server.client("s3", config=config)


def test_a_signed_form_stores_its_file(signing: Any, s3: Any, bucket: str) -> None:
    form = signing.generate_presigned_post(bucket, "in/${filename}")
    status, headers, body = post(form["url"], form["fields"], b"x" * 100_000)
    assert (status, body) == (204, "")
    found = s3.get_object(Bucket=bucket, Key="in/a.txt")
    assert headers["ETag"] == found["ETag"]
    assert found["Body"].read() == b"x" * 100_000


def test_fields_become_headers_of_the_object(s3: Any, bucket: str) -> None:
    fields = {"Content-Type": "text/css", "x-amz-meta-a": "b"}
    form = s3.generate_presigned_post(
        bucket,
        "k",
        Fields=fields,
        Conditions=[{"Content-Type": "text/css"}, ["starts-with", "$x-amz-meta-a", ""]],
    )
    assert post(form["url"], form["fields"])[0] == 204
    found = s3.head_object(Bucket=bucket, Key="k")
    assert (found["ContentType"], found["Metadata"]) == ("text/css", {"a": "b"})


def test_the_form_says_what_is_answered(s3: Any, bucket: str) -> None:
    def send(**fields: str) -> tuple[int, dict[str, str], str]:
        conditions = [{name: value} for name, value in fields.items()]
        form = s3.generate_presigned_post(bucket, "k", Fields=dict(fields), Conditions=conditions)
        return post(form["url"], form["fields"])

    status, _, body = send(success_action_status="201")
    assert status == 201
    assert f"<Bucket>{bucket}</Bucket><Key>k</Key>" in body
    assert send(success_action_status="200")[0] == 200
    status, headers, _ = send(success_action_redirect="http://page.example.com/done?x=1")
    assert status == 303
    assert headers["Location"].startswith(f"http://page.example.com/done?x=1&bucket={bucket}&key=k&etag=%22")
    for no_page in ("http:", "javascript:x", "[", "//x"):
        assert send(success_action_redirect=no_page)[0] == 204


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"key": "other"}, "AccessDenied"),
        ({"x-amz-meta-more": "1"}, "AccessDenied"),
        ({"x-amz-signature": "0" * 64}, "SignatureDoesNotMatch"),
        ({"policy": "e30="}, "SignatureDoesNotMatch"),
        ({"key": ""}, "InvalidArgument"),
    ],
)
def test_a_form_that_was_changed_is_refused(
    server: Server, bucket: str, change: dict[str, str], code: str
) -> None:
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    keys = server.ready
    strict = server.client(
        "s3",
        config=config,
        aws_access_key_id=keys["access_key_id"],
        aws_secret_access_key=keys["secret_access_key"],
    )
    form = strict.generate_presigned_post(bucket, "k")
    status, _, body = post(form["url"], {**form["fields"], **change})
    assert f"<Code>{code}</Code>" in body
    assert status == (400 if code == "InvalidArgument" else 403)


@pytest.mark.parametrize(("bounds", "code"), [((10, 20), "EntityTooSmall"), ((0, 4), "EntityTooLarge")])
def test_the_policy_bounds_the_file(s3: Any, bucket: str, bounds: tuple[int, int], code: str) -> None:
    form = s3.generate_presigned_post(bucket, "k", Conditions=[["content-length-range", *bounds]])
    status, _, body = post(form["url"], form["fields"])
    assert (status, f"<Code>{code}</Code>" in body) == (400, True)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_an_expired_policy_is_refused(s3: Any, bucket: str) -> None:
    form = s3.generate_presigned_post(bucket, "k", ExpiresIn=-10)
    status, _, body = post(form["url"], form["fields"])
    assert (status, "Policy expired" in body) == (403, True)


def test_an_unsigned_form_is_nobodys(server: Server, bucket: str) -> None:
    assert post(f"{server.url}/{bucket}", {"key": "k"})[0] == 403


def test_a_form_may_bring_tags_as_a_query_string(s3: Any, bucket: str) -> None:
    fields = {"x-amz-tagging": "a=1"}
    form = s3.generate_presigned_post(bucket, "k", Fields=dict(fields), Conditions=[fields])
    assert post(form["url"], form["fields"])[0] == 204
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a", "Value": "1"}]
    assert post(form["url"], {**form["fields"], "tagging": "<Tagging/>"})[0] == 501


def test_a_form_asks_for_nothing_that_is_not_done(s3: Any, bucket: str) -> None:
    fields = {"x-amz-storage-class": "GLACIER"}
    form = s3.generate_presigned_post(bucket, "k", Fields=dict(fields), Conditions=[fields])
    assert "<Code>NotImplemented</Code>" in post(form["url"], form["fields"])[2]
