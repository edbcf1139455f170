"""The codes and words of AWS for refused signatures."""

from typing import get_args

import pytest

from sagesse.wire.message import Protocol
from sagesse.wire.refusal import refusal
from sagesse.wire.sigv4 import Reason, Refused, Signature

NOW = 1767225600.0  # 2026-01-01T00:00:00Z


def signature(time: float, expires_s: int | None = None) -> Signature:
    return Signature("AKIA", "20260101", "r", "s", "host", "0", "20251231T230000Z", time, None, expires_s)


def words(
    reason: Reason, protocol: Protocol, detail: str = "", expires_s: int | None = None
) -> tuple[str, int | None, str]:
    error = refusal(Refused(reason, detail), protocol, signature=signature(NOW - 3600, expires_s), now=NOW)
    return error.code, error.status, error.message


@pytest.mark.parametrize("protocol", get_args(Protocol))
@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_refusal_is_a_client_error_in_every_protocol(reason: Reason, protocol: Protocol) -> None:
    code, status, message = words(reason, protocol, "because")
    assert code
    assert status in {400, 403}
    assert "{" not in message


def test_an_expired_presigned_s3_request_is_denied() -> None:
    assert words("expired", "rest-xml", expires_s=60) == ("AccessDenied", 403, "Request has expired")


def test_an_old_signature_says_by_how_much() -> None:
    assert words("skewed", "json") == (
        "InvalidSignatureException",
        400,
        "Signature expired: 20251231T230000Z is now earlier than 20251231T234500Z (20260101T000000Z - 15 min.)",
    )


def test_an_early_signature_says_by_how_much() -> None:
    message = words("skewed", "query", "future")[2]
    assert message.startswith(
        "Signature not yet current: 20251231T230000Z is still later than 20260101T001500Z"
    )


def test_broken_presigned_queries_have_a_code_of_their_own_in_s3() -> None:
    assert words("malformed", "rest-xml", "the query parameter X-Amz-Date is missing.")[0] == (
        "AuthorizationQueryParametersError"
    )
    assert words("malformed", "rest-xml", "no Credential")[0] == "AuthorizationHeaderMalformed"
