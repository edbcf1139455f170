"""Our signature is botocore's."""

import time
import urllib.parse

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from sagesse.runtime.sign import sign_get


@given(
    key=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1),
    token=st.sampled_from(["", "TOKEN+/="]),
    offset=st.integers(0, 2**40),
)
def test_the_signature_is_that_of_botocore(key: str, token: str, offset: int) -> None:
    path = f"/bucket/{urllib.parse.quote(key, safe='/~')}"
    headers = {"Range": f"bytes={offset}-", "If-Match": '"abc"'} if offset else {}
    ours = sign_get(
        "127.0.0.1:4577",
        path,
        headers,
        region="eu-west-1",
        access_key_id="ASIA1",
        secret="secret",
        session_token=token,
    )
    request = AWSRequest("GET", f"http://127.0.0.1:4577{path}", headers={**headers, "Host": "127.0.0.1:4577"})
    request.context["client_config"] = Config(s3={"payload_signing_enabled": False})
    request.context["timestamp"] = ours["X-Amz-Date"]
    auth = S3SigV4Auth(Credentials("ASIA1", "secret", token or None), "s3", "eu-west-1")
    request.headers["X-Amz-Date"] = ours["X-Amz-Date"]
    request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
    if token:
        request.headers["X-Amz-Security-Token"] = token
    text = auth.string_to_sign(request, auth.canonical_request(request))
    assert ours["Authorization"].endswith(f"Signature={auth.signature(text, request)}")


@pytest.mark.parametrize("now", [0.0, 1_795_966_814.49])
def test_the_time_is_in_the_request(now: float) -> None:
    signed = sign_get("h", "/b/k", {}, region="r", access_key_id="A", secret="s", now=now)
    assert signed["X-Amz-Date"] == time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
