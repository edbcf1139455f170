"""Bodies as they arrive: bounds, digests, chunk signatures; and memory that stays flat."""

import asyncio
import hashlib
import resource
import socket
from collections.abc import Iterable
from typing import Any

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sagesse.core.error import ServiceError
from sagesse.wire.payload import Body, PayloadForm, PayloadUpload, s3_payload_form, without_chunking
from sagesse.wire.sigv4 import UNSIGNED, payload_digest
from tests.wire.fake import KEY, FakeServer
from tests.wire.test_chunked import EMPTY
from tests.wire.test_front import read_reply


def body_of(pieces: Iterable[bytes], size: int | None = None, *, is_cut: bool = False) -> Body:
    """A body whose pieces arrive one by one."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    messages.append({"type": "http.disconnect"} if is_cut else {"type": "http.request", "more_body": False})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    return Body(receive, size_bytes=size, timeout_s=5, is_here=lambda: False)


def read(source: Body | PayloadUpload, limit: int = 10_000_000) -> bytes:
    return asyncio.run(source.read(limit))


def test_a_body_is_read_whole() -> None:
    assert read(body_of([b"ab", b"", b"c"])) == b"abc"


@pytest.mark.parametrize("size", [None, 4])
def test_a_body_beyond_the_limit_is_refused(size: int | None) -> None:
    with pytest.raises(ServiceError) as caught:
        read(body_of([b"ab", b"cd"], size), limit=3)
    assert caught.value.status == 413


def test_a_client_that_leaves_is_noticed() -> None:
    with pytest.raises(ServiceError, match="IncompleteBody"):
        read(body_of([b"ab"], is_cut=True))


@pytest.mark.parametrize("pieces", [[b"abc"], [b"x" * 700_000] * 5])
@pytest.mark.parametrize("is_announced", [True, False])
def test_a_signed_digest_is_checked(pieces: list[bytes], is_announced: bool) -> None:
    data = b"".join(pieces)
    size = len(data) if is_announced else None
    right = PayloadForm(payload_digest(data), payload_digest(data))
    assert read(PayloadUpload(body_of(pieces, size), right, {})) == data
    wrong = PayloadForm("0" * 64, "0" * 64)
    with pytest.raises(ServiceError, match="XAmzContentSHA256Mismatch"):
        read(PayloadUpload(body_of(pieces, size), wrong, {}))


def test_an_empty_body_with_another_digest_is_refused() -> None:
    with pytest.raises(ServiceError, match="XAmzContentSHA256Mismatch"):
        read(PayloadUpload(body_of([], 0), PayloadForm("0" * 64, "0" * 64), {}))


def test_an_announced_trailer_must_come() -> None:
    headers = {"x-amz-decoded-content-length": "3", "x-amz-trailer": "x-amz-checksum-crc32"}
    form = s3_payload_form({"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, None)
    with pytest.raises(ServiceError, match="MalformedTrailerError"):
        read(PayloadUpload(body_of([b"3\r\nabc\r\n0\r\n\r\n"]), form, headers))


def test_a_chunked_payload_must_announce_its_length() -> None:
    form = s3_payload_form({"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, None)
    with pytest.raises(ServiceError) as caught:
        PayloadUpload(body_of([]), form, {})
    assert caught.value.status == 411


@pytest.mark.parametrize("value", ["abc", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", EMPTY.upper()])
def test_other_payload_forms_are_refused(value: str) -> None:
    with pytest.raises(ServiceError, match="InvalidArgument"):
        s3_payload_form({"x-amz-content-sha256": value}, None)


def test_an_unsigned_request_has_an_unsigned_payload() -> None:
    assert s3_payload_form({}, None) == (UNSIGNED, None)


def test_the_framing_leaves_no_trace_in_the_headers() -> None:
    headers = {"content-length": "99", "x-amz-decoded-content-length": "3", "content-encoding": "aws-chunked"}
    without_chunking(headers)
    assert (headers["content-length"], headers.get("content-encoding")) == ("3", None)


def _chunked_upload(wire: FakeServer, pieces: list[bytes], *, forge: bool) -> bytes:
    """A PutObject whose chunks are signed with a chain that starts at the request's own signature."""
    declared = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    headers = {"x-amz-decoded-content-length": str(sum(map(len, pieces))), "x-amz-content-sha256": declared}
    request = AWSRequest("PUT", f"{wire.url}/bucket/signed", headers=headers)
    signer = auth.S3SigV4Auth(Credentials(KEY.access_key_id, KEY.secret), "s3", "eu-west-3")
    signer.payload = lambda _: declared
    signer._modify_request_before_signing = lambda sent: sent.headers.add_header(
        "x-amz-date", sent.context["timestamp"]
    )
    signer.add_auth(request)
    previous = request.headers["Authorization"].rpartition("=")[2]
    framed = b""
    for piece in [*pieces, b""]:
        text = "\n".join(
            (
                "AWS4-HMAC-SHA256-PAYLOAD",
                request.context["timestamp"],
                signer.credential_scope(request),
                previous,
                EMPTY,
            )
        )
        previous = signer.signature(f"{text}\n{hashlib.sha256(piece).hexdigest()}", request)
        sent = piece.upper() if forge else piece
        framed += (
            f"{len(piece):x};chunk-signature={previous}\r\n".encode() + sent + (b"\r\n" if piece else b"")
        )
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    host = f"127.0.0.1:{wire.port}"
    lines = f"PUT /bucket/signed HTTP/1.1\r\nHost: {host}\r\n{head}Content-Length: {len(framed) + 2}\r\n\r\n"
    return lines.encode() + framed + b"\r\n"


def test_chunk_signatures_continue_the_requests_own(wire: FakeServer) -> None:
    with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as link:
        link.sendall(_chunked_upload(wire, [b"a" * 9000, b"b" * 10], forge=False))
        assert read_reply(link)[0] == 200
    assert wire.last.params["size"] == 9010


def test_a_forged_chunk_is_refused(wire: FakeServer) -> None:
    with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as link:
        link.sendall(_chunked_upload(wire, [b"a" * 9000, b"b" * 10], forge=True))
        status, body = read_reply(link)
    assert status == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in body


def test_big_objects_pass_in_bounded_memory(wire: FakeServer) -> None:
    """96 MiB up and down raise the peak of the whole process, client and server, by a few MiB."""
    size, block = 96 << 20, bytes(1 << 20)
    path = wire.pipeline.folder / "big"
    with path.open("wb") as file:
        file.truncate(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with socket.create_connection(("127.0.0.1", wire.port), timeout=20) as link:
        link.sendall(b"PUT /bucket/big HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // len(block)):
            link.sendall(block)
        assert read_reply(link)[0] == 200
        link.sendall(b"GET /bucket/big HTTP/1.1\r\nHost: x\r\n\r\n")
        got, buffer = 0, bytearray(1 << 20)
        while got < size:
            got += link.recv_into(buffer)
    assert wire.last.operation == "GetObject"
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 24 << 20


def test_a_slow_reader_holds_up_nobody(wire: FakeServer) -> None:
    (wire.pipeline.folder / "wanted").write_bytes(bytes(32 << 20))
    with (
        socket.create_connection(("127.0.0.1", wire.port), timeout=5) as slow,
        socket.create_connection(("127.0.0.1", wire.port), timeout=5) as quick,
    ):
        slow.sendall(b"GET /bucket/wanted HTTP/1.1\r\nHost: x\r\n\r\n")
        assert slow.recv(10)
        quick.sendall(b"GET /_sagesse/health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert read_reply(quick)[0] == 200
        got = 10
        while got < 32 << 20:
            got += len(slow.recv(1 << 20))
