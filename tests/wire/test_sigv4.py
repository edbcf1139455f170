"""Our verifier against botocore's signers."""

import contextlib
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from sagesse.wire.sigv4 import (
    EMPTY_SHA256,
    UNSIGNED,
    Refused,
    Signature,
    Signed,
    check_time,
    parse,
    payload_digest,
    verify,
)

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
URL = "http://127.0.0.1:4566/a%20b/c%2Fd//e/../f?z=1&a=%2F&a=b&empty"


def signed(
    signer: type[Any] = auth.SigV4Auth,
    *,
    service: str = "sts",
    method: str = "POST",
    url: str = URL,
    body: bytes = b"x",
    headers: dict[str, str] | None = None,
    **options: Any,
) -> Signed:
    """A request as botocore signs it and http.client would send it."""
    request = AWSRequest(
        method, url, headers=headers or {"X-Amz-Target": "A.b", "Content-Type": " t  u "}, data=body
    )
    signer(Credentials("AKIA", SECRET, options.pop("token", None)), service, "eu-west-3", **options).add_auth(
        request
    )
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    fields = {name.lower(): _text(value).strip() for name, value in prepared.headers.items()}
    return Signed(method, parts.path, parts.query, {"host": parts.netloc, **fields})


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def signature_of(request: Signed) -> Signature:
    found = parse(request.headers, request.query)
    assert found is not None
    return found


def test_a_header_signature_of_botocore_is_accepted() -> None:
    request = signed()
    verify(signature_of(request), SECRET, request, payload_digest(b"x"))


def test_an_s3_signature_of_botocore_is_accepted() -> None:
    request = signed(auth.S3SigV4Auth, service="s3", method="PUT")
    verify(signature_of(request), SECRET, request, request.headers["x-amz-content-sha256"])


def test_a_presigned_s3_request_of_botocore_is_accepted() -> None:
    request = signed(
        auth.S3SigV4QueryAuth, service="s3", method="GET", body=b"", headers={"a": "b"}, expires=900
    )
    verify(signature_of(request), SECRET, request, UNSIGNED)


def test_a_presigned_request_of_another_service_is_accepted() -> None:
    request = signed(
        auth.SigV4QueryAuth, method="GET", body=b"", headers={"a": "b"}, expires=60, token="t/+="
    )
    assert signature_of(request).token == "t/+="
    verify(signature_of(request), SECRET, request, EMPTY_SHA256)


@given(
    st.text(st.characters(codec="ascii", min_codepoint=33, exclude_characters="?#%\\"), max_size=30),
    st.dictionaries(
        st.from_regex(r"\A[a-z]{1,8}\Z"), st.text(max_size=8).filter(str.isprintable), max_size=4
    ),
    st.sampled_from(["s3", "sts"]),
)
def test_any_request_of_botocore_is_accepted(path: str, query: dict[str, str], service: str) -> None:
    url = f"http://h/{quote(path)}?{urlencode(query, quote_via=quote)}"
    signer = auth.S3SigV4Auth if service == "s3" else auth.SigV4Auth
    request = signed(signer, service=service, url=url)
    verify(signature_of(request), SECRET, request, payload_digest(b"x"))


def test_characters_left_plain_are_verified_as_aws_encodes_them() -> None:
    encoded = signed(auth.S3SigV4Auth, service="s3", url="http://h/b/a%28b%29%2A?x=%2F")
    plain = encoded._replace(raw_path="/b/a(b)*", query="x=/")
    verify(signature_of(plain), SECRET, plain, payload_digest(b"x"))


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"raw_path": "/other"},
        {"query": "z=1&a=%2F&a=c&empty"},
        {"headers": {"x-amz-target": "A.c"}},
        {"headers": {"host": "elsewhere"}},
    ],
)
def test_a_changed_request_is_refused(change: dict[str, Any]) -> None:
    request = signed()
    signature = signature_of(request)
    if "headers" in change:
        change = {"headers": {**request.headers, **change["headers"]}}
    changed = request._replace(**change)
    with pytest.raises(Refused, match="mismatch"):
        verify(signature, SECRET, changed, payload_digest(b"x"))


def test_a_changed_body_or_secret_is_refused() -> None:
    request = signed()
    for secret, body in ((SECRET, b"y"), ("other", b"x")):
        with pytest.raises(Refused, match="mismatch"):
            verify(signature_of(request), secret, request, payload_digest(body))


def test_an_amz_header_that_is_not_signed_is_refused() -> None:
    request = signed()
    request.headers["x-amz-acl"] = "public-read"
    with pytest.raises(Refused, match="unsigned-header: x-amz-acl"):
        verify(signature_of(request), SECRET, request, payload_digest(b"x"))


@pytest.mark.parametrize(
    ("age_s", "is_accepted"), [(0, True), (899, True), (901, False), (-899, True), (-901, False)]
)
def test_a_signature_lives_fifteen_minutes(age_s: float, is_accepted: bool) -> None:
    signature = signature_of(signed())
    if is_accepted:
        check_time(signature, signature.time + age_s)
    else:
        with pytest.raises(Refused, match="skewed"):
            check_time(signature, signature.time + age_s)


def test_a_presigned_request_lives_as_long_as_it_says() -> None:
    signature = signature_of(signed(auth.S3SigV4QueryAuth, service="s3", body=b"", expires=3600))
    check_time(signature, signature.time + 3600)
    with pytest.raises(Refused, match="expired"):
        check_time(signature, signature.time + 3601)


GOOD = "Credential=AKIA/20260101/r/s/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        ("AWS AKIA:c2ln", "mechanism"),
        ("AWS4-ECDSA-P256-SHA256 " + GOOD, "mechanism"),
        ("Bearer x", "mechanism"),
        ("AWS4-HMAC-SHA256", "malformed"),
        ("AWS4-HMAC-SHA256 Credential=AKIA/20260101/r/s/aws4_request, Signature=0", "malformed"),
        ("AWS4-HMAC-SHA256 " + GOOD.replace("aws4_request", "aws5"), "malformed"),
        ("AWS4-HMAC-SHA256 " + GOOD.replace("/r/", "/../"), "malformed"),
        ("AWS4-HMAC-SHA256 " + GOOD.replace("20260101", "20260102"), "malformed"),
        ("AWS4-HMAC-SHA256 " + GOOD.replace("=host", "=a;host;a"), "malformed"),
        ("AWS4-HMAC-SHA256 " + GOOD.replace("=host", "=a"), "malformed"),
    ],
)
def test_a_broken_authorization_is_refused(authorization: str, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        parse({"authorization": authorization, "x-amz-date": "20260101T000000Z"}, "")
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "date", ["", "now", "20261301T000000Z", "20260101T250000Z", "2026-01-01T00:00:00Z", "²0260101T000000Z"]
)
def test_a_broken_date_is_refused(date: str) -> None:
    with pytest.raises(Refused, match="malformed"):
        parse({"authorization": "AWS4-HMAC-SHA256 " + GOOD, "x-amz-date": date}, "")


@pytest.mark.parametrize(
    "change",
    [
        ("Expires=60", "Expires=0"),
        ("Expires=60", "Expires=604801"),
        ("Expires=60", "Expires=x"),
        ("X-Amz-Date", "X-Amz-Dat"),
    ],
)
def test_a_broken_presigned_query_is_refused(change: tuple[str, str]) -> None:
    request = signed(auth.S3SigV4QueryAuth, service="s3", body=b"", expires=60)
    with pytest.raises(Refused, match="malformed"):
        parse({}, request.query.replace(*change))


def test_a_presigned_parameter_given_twice_is_refused() -> None:
    request = signed(auth.S3SigV4QueryAuth, service="s3", body=b"", expires=60)
    with pytest.raises(Refused, match="twice"):
        parse({}, request.query + "&X-Amz-Expires=600")


def test_an_unsigned_request_has_no_signature() -> None:
    assert parse({"host": "h"}, "a=b") is None


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_reading_any_signature_refuses_or_returns(rest: str, date: str, query: str) -> None:
    for headers, text in (
        ({"authorization": "AWS4-HMAC-SHA256 " + rest, "x-amz-date": date}, ""),
        ({}, "X-Amz-Algorithm=AWS4-HMAC-SHA256&" + query),
    ):
        with contextlib.suppress(Refused):
            parse(headers, text)
