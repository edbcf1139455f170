"""Presigned S3 URLs of signature version 2, which boto3 and the AWS CLI still make by default in some regions.

Only that form is taken: HMAC-SHA1 over method, expiry, amz headers and resource, in the query. A request whose header
is signed with version 2 is refused by `sigv4.parse`.
Source: "Signing and authenticating REST requests" of the S3 developer guide.
"""

import base64
import hmac
from urllib.parse import parse_qsl

from sagesse.wire.host import parse_host
from sagesse.wire.sigv4 import Refused, Signature, Signed

ALGORITHM = "AWS"
_LONGEST_EXPIRY = 12  # digits

# The query parameters that are part of the resource.
_SUBRESOURCES = frozenset(
    "accelerate acl analytics cors delete inventory legal-hold lifecycle location logging metrics notification "
    "object-lock ownershipControls partNumber policy policyStatus publicAccessBlock replication requestPayment "
    "response-cache-control response-content-disposition response-content-encoding response-content-language "
    "response-content-type response-expires restore retention select select-type storageClass tagging torrent "
    "uploadId uploads versionId versioning versions website".split()
)


def parse(query: str) -> Signature | None:
    """The signature in a presigned query, or None when there is none of this version.

    Raises:
        Refused: `malformed`, a part is missing or no number.
    """
    if "AWSAccessKeyId=" not in query or "Signature=" not in query:
        return None
    given = dict(parse_qsl(query, keep_blank_values=True))
    key, value, expires = (given.get(name, "") for name in ("AWSAccessKeyId", "Signature", "Expires"))
    if (
        not key
        or not value
        or not (expires.isascii() and expires.isdigit() and len(expires) <= _LONGEST_EXPIRY)
    ):
        raise Refused("malformed", "AWSAccessKeyId, Signature and Expires (epoch seconds) are required.")
    return Signature(
        access_key_id=key,
        date="",
        region="",
        service="s3",
        signed_headers="",
        value=value,
        timestamp=expires,
        time=float(expires),
        token=given.get("x-amz-security-token"),
        expires_s=0,
        algorithm=ALGORITHM,
    )


def check_time(signature: Signature, now: float) -> None:
    """Refuse a URL whose time is over.

    Raises:
        Refused: `expired`.
    """
    if now > signature.time:
        raise Refused("expired")


def verify(signature: Signature, secret: str, request: Signed) -> None:
    """Refuse a request that was not signed with `secret`.

    Raises:
        Refused: `mismatch`.
    """
    digest = hmac.digest(secret.encode(), _text(signature, request).encode(), "sha1")
    if not hmac.compare_digest(base64.b64encode(digest), signature.value.encode("latin-1", "replace")):
        raise Refused("mismatch")


def _text(signature: Signature, request: Signed) -> str:
    given = dict(parse_qsl(request.query, keep_blank_values=True))
    headers = {**{name.lower(): value for name, value in given.items()}, **request.headers}
    amz = {name: value for name, value in headers.items() if name.startswith("x-amz-")}
    lines = "".join(f"{name}:{' '.join(amz[name].split())}\n" for name in sorted(amz))
    typed = f"{headers.get('content-md5', '')}\n{headers.get('content-type', '')}"
    return f"{request.method}\n{typed}\n{signature.timestamp}\n{lines}{_resource(request, given)}"


def _resource(request: Signed, given: dict[str, str]) -> str:
    host = parse_host(request.headers.get("host", ""))
    bucket = f"/{host.bucket}" if host.bucket else ""
    parts = [f"{name}={given[name]}" if given[name] else name for name in sorted(_SUBRESOURCES & set(given))]
    return f"{bucket}{request.raw_path}{'?' if parts else ''}{'&'.join(parts)}"
