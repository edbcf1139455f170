"""Signatures of any version that is taken."""

from sagesse.wire import sigv2, sigv4
from sagesse.wire.sigv4 import Refused, Signature, Signed

_IN_QUERY = ("X-Amz-Algorithm=", "X-Amz-Signature=", "AWSAccessKeyId=")


def parse(headers: dict[str, str], query: str) -> Signature | None:
    """The signature of a request, or None when it has none.

    Raises:
        Refused: it is broken, of a scheme that is not taken, or there are two.
    """
    if query and "authorization" in headers and any(name in query for name in _IN_QUERY):
        raise Refused("twice")
    return sigv4.parse(headers, query) or sigv2.parse(query)


def check_time(signature: Signature, now: float) -> None:
    """Refuse a signature that is not of this moment.

    Raises:
        Refused: `skewed` or `expired`.
    """
    (sigv2 if signature.algorithm == sigv2.ALGORITHM else sigv4).check_time(signature, now)


def verify(signature: Signature, secret: str, request: Signed, payload_hash: str) -> None:
    """Refuse a request that was not signed with `secret`.

    Raises:
        Refused: `mismatch`, or what the version adds.
    """
    if signature.algorithm == sigv2.ALGORITHM:
        sigv2.verify(signature, secret, request)
    else:
        sigv4.verify(signature, secret, request, payload_hash)
