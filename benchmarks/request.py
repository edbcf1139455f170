"""What boto3 would send, as bytes: signed now, good for a quarter of an hour."""

from typing import Any, NamedTuple
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

REGION = "us-east-1"


class Raw(NamedTuple):
    """A request: its head with the blank line, and its body."""

    head: bytes
    body: bytes

    @property
    def whole(self) -> bytes:
        return self.head + self.body


class _Captured(Exception):  # noqa: N818 - carries a request out of botocore
    def __init__(self, request: Any) -> None:
        self.request = request


def client(service: str, port: int, *, key: str = "testing", secret: str = "testing") -> Any:
    """A boto3 client of a server on this machine."""
    version = "s3v4" if service == "s3" else None  # boto3 presigns for us-east-1 in version 2 otherwise
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(
            retries={"max_attempts": 0}, s3={"addressing_style": "path"}, signature_version=version
        ),
    )


def capture(client: Any, operation: str, **params: Any) -> Raw:
    """The request that `client.operation(**params)` would send, signed; nothing is sent.

    `Expect: 100-continue` is left out: a raw client that sends head and body together needs none.
    """

    def keep(request: Any, **_: Any) -> None:
        raise _Captured(request)

    client.meta.events.register_first("before-send", keep)
    try:
        getattr(client, operation)(**params)
    except _Captured as captured:
        return _raw(captured.request)
    finally:
        client.meta.events.unregister("before-send", keep)
    raise AssertionError("botocore sent nothing")


def _raw(request: Any) -> Raw:
    url = urlsplit(request.url)
    body = request.body or b""
    if hasattr(body, "read"):
        body.seek(0)
        body = body.read()
    body = body.encode() if isinstance(body, str) else bytes(body)
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [f"{request.method} {path} HTTP/1.1", f"Host: {url.netloc}"]
    for name, value in request.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if name.lower() not in {"host", "expect", "content-length"}:
            lines.append(f"{name}: {text}")
    if body or request.method in {"POST", "PUT"}:
        lines.append(f"Content-Length: {len(body)}")
    return Raw("\r\n".join([*lines, "", ""]).encode("latin-1"), body)
