"""The words of AWS for a signature that is not accepted.

S3, the query services (IAM, STS, ...) and the JSON services answer the same mishap with different codes, and so do we:
clients act on the code.
"""

from datetime import UTC, datetime

from sagesse.core.error import ServiceError
from sagesse.wire.message import Protocol
from sagesse.wire.sigv4 import MAX_SKEW_S, Reason, Refused, Signature

_MISMATCH = "The request signature we calculated does not match the signature you provided. Check your "
_MISMATCH_S3 = _MISMATCH + "key and signing method."
_MISMATCH_OTHER = (
    _MISMATCH + "AWS Secret Access Key and signing method. Consult the service documentation for details."
)
_INVALID_TOKEN = "The security token included in the request is invalid."

_S3: dict[Reason, tuple[str, int, str]] = {
    "missing": ("AccessDenied", 403, "Access Denied"),
    "malformed": ("AuthorizationHeaderMalformed", 400, "The authorization header is malformed; {detail}"),
    "mechanism": (
        "InvalidRequest",
        400,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    ),
    "unknown-key": (
        "InvalidAccessKeyId",
        403,
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    "bad-token": ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    "expired-token": ("ExpiredToken", 400, "The provided token has expired."),
    "skewed": (
        "RequestTimeTooSkewed",
        403,
        "The difference between the request time and the current time is too large.",
    ),
    "expired": ("AccessDenied", 403, "Request has expired"),
    "mismatch": ("SignatureDoesNotMatch", 403, _MISMATCH_S3),
    "unsigned-header": (
        "AccessDenied",
        403,
        "There were headers present in the request which were not signed: {detail}",
    ),
    "scope": ("AuthorizationHeaderMalformed", 400, "The authorization header is malformed; {detail}"),
    "twice": (
        "InvalidArgument",
        400,
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter "
        "or the Authorization header should be specified",
    ),
}
_QUERY: dict[Reason, tuple[str, int, str]] = {
    "missing": ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
    "malformed": ("IncompleteSignature", 400, "{detail}"),
    "mechanism": (
        "IncompleteSignature",
        400,
        "The signing algorithm {detail} is not supported. Please use AWS4-HMAC-SHA256.",
    ),
    "unknown-key": ("InvalidClientTokenId", 403, _INVALID_TOKEN),
    "bad-token": ("InvalidClientTokenId", 403, _INVALID_TOKEN),
    "expired-token": ("ExpiredToken", 403, "The security token included in the request is expired"),
    "skewed": ("SignatureDoesNotMatch", 403, "{skew}"),
    "expired": ("SignatureDoesNotMatch", 403, "{skew}"),
    "mismatch": ("SignatureDoesNotMatch", 403, _MISMATCH_OTHER),
    "unsigned-header": (
        "SignatureDoesNotMatch",
        403,
        "Headers that must be signed are not in SignedHeaders: {detail}",
    ),
    "scope": ("SignatureDoesNotMatch", 403, "{detail}"),
    "twice": ("IncompleteSignature", 400, "The request is signed in its header and in its query."),
}
# The JSON services use the names of exceptions instead.
_AS_EXCEPTION = {
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "ExpiredToken": "ExpiredTokenException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
}


def refusal(refused: Refused, protocol: Protocol, *, signature: Signature | None, now: float) -> ServiceError:
    """The error of `refused` as a service of `protocol` words it."""
    table = _S3 if protocol == "rest-xml" else _QUERY
    code, status, text = table[refused.reason]
    if protocol not in {"rest-xml", "query"}:
        code = _AS_EXCEPTION[code]
        status = 403 if protocol == "rest-json" or refused.reason == "missing" else 400
    if refused.reason == "malformed" and protocol == "rest-xml" and "X-Amz-" in refused.detail:
        code, text = "AuthorizationQueryParametersError", "{detail}"
    message = text.format(detail=refused.detail, skew=_skew(refused, signature, now))
    return ServiceError(code, message, status=status)


def _skew(refused: Refused, signature: Signature | None, now: float) -> str:
    if signature is None:
        return ""
    life_s = signature.expires_s if refused.reason == "expired" and signature.expires_s else MAX_SKEW_S
    minutes = MAX_SKEW_S // 60
    if refused.detail == "future":
        limit = _stamp(now + MAX_SKEW_S)
        return (
            f"Signature not yet current: {signature.timestamp} is still later than {limit} "
            f"({_stamp(now)} + {minutes} min.)"
        )
    limit = _stamp(now - life_s)
    span = f"{life_s // 60} min." if life_s % 60 == 0 else f"{life_s} s"
    return f"Signature expired: {signature.timestamp} is now earlier than {limit} ({_stamp(now)} - {span})"


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y%m%dT%H%M%SZ")
