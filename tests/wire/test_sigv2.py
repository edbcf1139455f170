"""Presigned URLs of version 2, held against botocore's own signer."""

import contextlib
from urllib.parse import urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from sagesse.wire.signature import check_time, parse, verify
from sagesse.wire.sigv4 import Refused, Signed

SECRET = "wJalrXUtnFEMI"


def presigned(url: str, method: str = "GET", token: str | None = None, **headers: str) -> str:
    request = AWSRequest(method=method, url=url, headers=headers, auth_path=urlsplit(url).path)
    HmacV1QueryAuth(Credentials("AKIAEXAMPLE", SECRET, token), expires=60).add_auth(request)
    return request.url


def signed(url: str, method: str = "GET", **headers: str) -> Signed:
    parts = urlsplit(url)
    return Signed(method, parts.path, parts.query, {"host": parts.netloc, **headers})


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/bucket/key",
        "http://127.0.0.1/bucket/a%20b/c%2Bd",
        "http://127.0.0.1/bucket/key?versionId=3&response-content-type=text%2Fplain",
        "http://127.0.0.1/bucket?uploads",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
@pytest.mark.parametrize("token", [None, "session/token+="])
def test_what_botocore_signs_is_accepted(url: str, method: str, token: str | None) -> None:
    made = presigned(url, method, token)
    signature = parse({}, urlsplit(made).query)
    assert signature is not None
    assert signature.token == token
    verify(signature, SECRET, signed(made, method), "")


def test_a_signed_content_type_must_come_with_the_request() -> None:
    made = presigned("http://127.0.0.1/bucket/key", "PUT", **{"Content-Type": "text/csv"})
    signature = parse({}, urlsplit(made).query)
    assert signature is not None
    verify(signature, SECRET, signed(made, "PUT", **{"content-type": "text/csv"}), "")
    with pytest.raises(Refused, match="mismatch"):
        verify(signature, SECRET, signed(made, "PUT", **{"content-type": "text/html"}), "")


@pytest.mark.parametrize(
    ("before", "after"), [("key", "kez"), ("Expires=", "Expires=9"), ("versionId=1", "versionId=2")]
)
def test_any_change_breaks_it(before: str, after: str) -> None:
    made = presigned("http://127.0.0.1/bucket/key?versionId=1").replace(before, after)
    signature = parse({}, urlsplit(made).query)
    assert signature is not None
    with pytest.raises(Refused, match="mismatch"):
        verify(signature, SECRET, signed(made), "")


def test_it_ends_at_its_time() -> None:
    signature = parse({}, "AWSAccessKeyId=A&Signature=x&Expires=1000")
    assert signature is not None
    check_time(signature, 999)
    with pytest.raises(Refused, match="expired"):
        check_time(signature, 1001)


@given(st.text(max_size=60))
def test_no_query_breaks_the_reader(text: str) -> None:
    query = f"AWSAccessKeyId=A&Signature=x&Expires={text}"
    with contextlib.suppress(Refused):
        signature = parse({}, query)
        assert signature is not None
        assert signature.time >= 0
