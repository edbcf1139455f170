"""Signing a GET of S3 (Signature Version 4) with the standard library alone.

botocore would do it too, but each feeder would pay for its import: 0.1 s of a core and 17 MB. The test compares
the two.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping

_UNSIGNED = "UNSIGNED-PAYLOAD"


def sign_get(
    host: str,
    path: str,
    headers: Mapping[str, str],
    *,
    region: str,
    access_key_id: str,
    secret: str,
    session_token: str = "",
    now: float | None = None,
) -> dict[str, str]:
    """The headers of the request, with its signature among them.

    Args:
        path: percent-encoded, without a query.
        now: epoch seconds; the present unless given.
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    signed = {"Host": host, "X-Amz-Content-SHA256": _UNSIGNED, "X-Amz-Date": moment, **headers}
    if session_token:
        signed["X-Amz-Security-Token"] = session_token
    lines = sorted((name.lower(), value.strip()) for name, value in signed.items())
    names = ";".join(name for name, _ in lines)
    canonical = ["GET", path, "", *(f"{name}:{value}" for name, value in lines), "", names, _UNSIGNED]
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**signed, "Authorization": f"AWS4-HMAC-SHA256 {credential}"}
