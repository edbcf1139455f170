"""A request and a reply as the wire sees them, before and after any protocol."""

from typing import Literal, NamedTuple, TypeAlias

import msgspec

from sagesse.core.body import Payload, Upload

Protocol: TypeAlias = Literal["json", "query", "rest-json", "rest-xml", "cbor"]


class WireRequest(msgspec.Struct):
    """One HTTP request.

    `body` holds the whole payload, already de-chunked and inflated, unless the operation streams its input: then
    `body` is empty and `upload` is set.
    """

    method: str
    raw_path: str  # percent-encoded as sent, without the query
    query: str  # raw, without the question mark
    headers: dict[str, str]  # lower-case names; repeated ones joined by ","
    body: bytes = b""
    upload: Upload | None = None
    client: str = "127.0.0.1"
    is_secure: bool = False


class WireReply(NamedTuple):
    """One HTTP response.

    The length of the body is the server's business; a header that says it is spelt ``content-length`` and counts for
    HEAD only.
    """

    status: int
    headers: list[tuple[str, str]]
    body: Payload


class Route(NamedTuple):
    """Where a request goes: the botocore service name, the operation and the protocol of this request."""

    service: str
    operation: str
    protocol: Protocol
    labels: dict[str, str]  # path labels, percent-decoded ({"Bucket": ..., "Key": ...})
