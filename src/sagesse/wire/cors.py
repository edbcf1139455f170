"""Cross-origin requests of browsers to S3: the preflight, which nobody signs, and the headers of answers."""

from collections.abc import Sequence
from typing import Protocol

from sagesse.core.error import ServiceError
from sagesse.wire.message import WireReply, WireRequest
from sagesse.wire.page import place_of


class CrossOrigin(Protocol):
    """What buckets allow pages of other origins; asked only for requests with an `Origin`."""

    def preflight(
        self, bucket: str, origin: str, method: str, headers: Sequence[str]
    ) -> Sequence[tuple[str, str]]:
        """The headers that allow the request a browser announces.

        Raises:
            ServiceError: it is not allowed.
        """
        ...

    def answer(self, bucket: str, origin: str, method: str) -> Sequence[tuple[str, str]]:
        """The headers that let a page of `origin` read an answer; none when it may not."""
        ...


def preflight_bucket(request: WireRequest) -> str | None:
    """The bucket an OPTIONS request is about, or None when it is about none."""
    if request.method != "OPTIONS":
        return None
    place = place_of(request)
    return place.bucket if place else None


def preflight(rules: CrossOrigin, bucket: str, request: WireRequest) -> WireReply:
    """Answer a preflight.

    Raises:
        ServiceError: it lacks something, or is not allowed.
    """
    origin = request.headers.get("origin")
    if origin is None:
        message = "Insufficient information. Origin request header needed."
        raise ServiceError("BadRequest", message, status=400)
    method = request.headers.get("access-control-request-method")
    if method is None:
        raise ServiceError("BadRequest", "Invalid Access-Control-Request-Method: null", status=400)
    named = request.headers.get("access-control-request-headers", "").split(",")
    headers = [name.strip() for name in named if name.strip()]
    return WireReply(200, list(rules.preflight(bucket, origin, method, headers)), b"")


def shared(rules: CrossOrigin, bucket: str, request: WireRequest, reply: WireReply) -> WireReply:
    """`reply` with what lets the page that asked read it."""
    headers = rules.answer(bucket, request.headers["origin"], request.method)
    return reply._replace(headers=[*reply.headers, *headers]) if headers else reply
