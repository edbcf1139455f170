"""What browsers address without a signature of the request: a bucket, by host or by path."""

from typing import NamedTuple
from urllib.parse import unquote

from sagesse.wire.host import parse_host
from sagesse.wire.message import WireRequest


class Place(NamedTuple):
    """A bucket and the rest of the path, percent-encoded and without the slash before it."""

    bucket: str
    rest: str


def place_of(request: WireRequest) -> Place | None:
    """Where in S3 a request goes, or None when it goes to another service or names no bucket."""
    host = parse_host(request.headers.get("host", ""))
    if host.endpoint != "s3" and (host.endpoint or host.is_aws):
        return None
    path = request.raw_path.removeprefix("/")
    if host.bucket:
        return Place(host.bucket, path)
    bucket, _, rest = path.partition("/")
    return Place(unquote(bucket), rest) if bucket else None
