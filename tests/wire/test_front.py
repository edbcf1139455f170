"""The HTTP of the front: limits, keep-alive, absolute form, garbage; over raw sockets."""

import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagesse.core.body import Stream
from sagesse.core.call import Call
from sagesse.wire import front
from sagesse.wire.gateway import Limits
from tests.wire.fake import FakeServer

HEALTH = b"GET /_sagesse/health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def link(wire: FakeServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as connection:
        yield connection


def read_reply(link: socket.socket) -> tuple[int, bytes]:
    """One reply with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = link.recv(65536)
        if not piece:
            return 0, data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    while len(body) < length and (piece := link.recv(65536)):  # HEAD announces what it does not send
        body += piece
    return int(head.split()[1]), body


def is_closed(link: socket.socket) -> bool:
    try:
        return link.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_connection_is_kept_alive(link: socket.socket) -> None:
    for _ in range(3):
        link.sendall(HEALTH)
        assert read_reply(link)[0] == 200


def test_very_many_pipelined_requests_are_answered(link: socket.socket) -> None:
    link.sendall(HEALTH * 2000)
    data, wanted = b"", 2000
    while data.count(b"HTTP/1.1 200") < wanted or not data.endswith(b"}"):
        data += link.recv(1 << 20)
    assert data.count(b"HTTP/1.1 200") == wanted


def test_pipelined_requests_are_answered_in_order(link: socket.socket) -> None:
    link.sendall(HEALTH + HEALTH.replace(b"health", b"none") + HEALTH)
    data = b""
    while data.count(b"HTTP/1.1") < 3 or not data.endswith(b"}"):
        data += link.recv(65536)
    assert [part[:3] for part in data.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200"]


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\n\r\n",
        b"GET http://[/ HTTP/1.1\r\n\r\n",
        b"CONNECT nothing HTTP/1.1\r\n\r\n",
        b"CONNECT a.amazonaws.com:99999 HTTP/1.1\r\n\r\n",
    ],
)
def test_malformed_http_is_refused_and_closed(link: socket.socket, data: bytes) -> None:
    link.sendall(data)
    assert read_reply(link)[0] == 400
    assert is_closed(link)


@settings(max_examples=60)
@given(st.binary(min_size=1, max_size=200), st.booleans())
def test_garbage_is_never_a_server_error(wire: FakeServer, data: bytes, has_head: bool) -> None:
    head = b"POST /" if has_head else b""
    with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as link:
        link.sendall(head + data + b"\r\n\r\n")
        link.shutdown(socket.SHUT_WR)
        status, _ = read_reply(link)
    assert status < 500


HEADERS = st.sampled_from(
    [
        ("X-Amz-Target", "SageMaker.CreateTrainingJob"),
        ("X-Amz-Target", "X"),
        ("Smithy-Protocol", "rpc-v2-cbor"),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Type", "application/x-amz-json-1.1"),
        ("Content-Encoding", "gzip"),
        ("Authorization", "AWS4-HMAC-SHA256 Credential=AKIATESTTESTTESTTEST/20260101/a/s3/aws4_request"),
        ("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("X-Amz-Content-Sha256", "x"),
        ("X-Amz-Decoded-Content-Length", "5"),
        ("X-Amz-Date", "20260101T000000Z"),
        ("Host", "b.s3.amazonaws.com"),
        ("Host", "ec2.amazonaws.com"),
        ("Upgrade", "h2c"),
    ]
)


@settings(max_examples=80)
@given(
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"]),
    st.sampled_from(
        [
            "/",
            "/b",
            "/b/k",
            "/b/%FF",
            "/b?acl",
            "/endpoints/e/invocations",
            "/v20180820/x",
            "/_sagesse/x",
            "/?Action=X",
        ]
    ),
    st.lists(HEADERS, max_size=5),
    st.binary(max_size=40),
)
def test_odd_requests_are_refused_not_failed(
    wire: FakeServer, method: str, path: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    wire.pipeline.handlers.pop("GetObject", None)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"{method} {path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as link:
        link.sendall(head.encode() + body)
        status, _ = read_reply(link)
    assert status in range(200, 500) or status == 501


def test_an_endless_head_is_cut(link: socket.socket) -> None:
    link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
    field = b"X-A: " + b"a" * 1000 + b"\r\n"
    with pytest.raises(ConnectionError):
        link.sendall(field * 20_000)


def test_a_head_beyond_the_bound_is_told_so(link: socket.socket) -> None:
    link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * (64 * 1024 - 30))
    link.sendall(b"a" * 40)
    assert read_reply(link)[0] == 431


def test_an_early_error_is_answered_while_the_body_still_comes(link: socket.socket) -> None:
    body = bytes(1 << 20)
    head = b"PUT /b/k HTTP/1.1\r\nHost: x\r\nAuthorization: AWS a:b\r\nContent-Length: %d\r\n\r\n" % (8 << 20)
    link.sendall(head)
    assert read_reply(link)[0] == 400
    for _ in range(8):
        link.sendall(body)
    link.sendall(HEALTH)
    assert read_reply(link)[0] == 200


def test_expect_is_answered_by_the_error_itself(link: socket.socket) -> None:
    link.sendall(
        b"PUT /b/k HTTP/1.1\r\nHost: x\r\nAuthorization: AWS a:b\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
    )
    assert read_reply(link)[0] == 400
    assert is_closed(link)


def test_expect_gets_continue_when_the_body_is_wanted(link: socket.socket) -> None:
    link.sendall(b"PUT /bucket/k HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert link.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    link.sendall(b"hello")
    assert read_reply(link)[0] == 200


def test_expect_gets_continue_though_nothing_is_to_come(link: socket.socket) -> None:
    for _ in range(2):
        link.sendall(
            b"PUT /bucket/k HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n"
        )
        assert link.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert read_reply(link)[0] == 200


def test_a_chunked_body_without_length_is_read(wire: FakeServer, link: socket.socket) -> None:
    link.sendall(
        b"PUT /bucket/k HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    )
    assert read_reply(link)[0] == 200
    assert wire.last.params["size"] == 3


def test_an_aborted_upload_ends_its_call(wire: FakeServer, link: socket.socket) -> None:
    link.sendall(b"PUT /bucket/aborted HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
    _until(lambda: bool(wire.pipeline.calls) and wire.last.params.get("Key") == "aborted")
    link.close()
    _until(lambda: not wire.server._links.state.tasks)


def test_a_stalled_upload_times_out(tmp_path: Path) -> None:
    with (
        FakeServer(tmp_path, limits=Limits(idle_s=0.05)) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as link,
    ):
        link.sendall(b"PUT /bucket/k HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        status, body = read_reply(link)
    assert status == 400
    assert b"<Code>RequestTimeout</Code>" in body


def test_a_stream_that_nobody_takes_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "STALL_S", 0.05)
    has_ended = threading.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(1 << 20)
        finally:
            has_ended.set()

    async def get(call: Call) -> Mapping[str, Any]:
        return {"Body": Stream(endless(), 1 << 40), "ContentLength": 1 << 40, "ETag": '"x"'}

    with FakeServer(tmp_path) as server, socket.create_connection(("127.0.0.1", server.port)) as link:
        server.pipeline.handlers["GetObject"] = get
        link.sendall(b"GET /bucket/k HTTP/1.1\r\nHost: x\r\n\r\n")
        assert has_ended.wait(5)
        _until(lambda: not server.server._links.state.tasks)


def test_the_absolute_form_of_a_proxy_is_answered_for_aws(link: socket.socket) -> None:
    link.sendall(b"GET http://ec2.us-east-1.amazonaws.com/?a=b HTTP/1.1\r\nHost: other\r\n\r\n")
    status, body = read_reply(link)
    assert status == 501
    assert b"ec2.us-east-1.amazonaws.com" in body


def test_the_absolute_form_is_answered_for_ourselves(wire: FakeServer, link: socket.socket) -> None:
    link.sendall(b"GET http://127.0.0.1:%d/_sagesse/health HTTP/1.1\r\nHost: x\r\n\r\n" % wire.port)
    assert read_reply(link)[0] == 200


def test_the_absolute_form_is_refused_for_others(link: socket.socket) -> None:
    link.sendall(b"GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n")
    status, body = read_reply(link)
    assert status == 403
    assert b"example.org" in body


def test_web_pages_cannot_reach_our_own_endpoints(link: socket.socket) -> None:
    link.sendall(
        b"POST /_sagesse/health HTTP/1.1\r\nHost: x\r\nOrigin: http://evil\r\nContent-Length: 0\r\n\r\n"
    )
    assert read_reply(link)[0] in {403, 404}


def test_a_stopping_server_lets_requests_end(tmp_path: Path) -> None:
    with (
        FakeServer(tmp_path) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as link,
    ):
        link.sendall(b"PUT /bucket/slow HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nab")
        _until(lambda: bool(server.pipeline.calls))
        server.loop.call_soon_threadsafe(lambda: server.loop.create_task(server.server.stop(grace_s=5)))
        _until(lambda: not _accepts(server.port))
        link.sendall(b"c")
        assert read_reply(link)[0] == 200
        assert is_closed(link)


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _until(is_so: Callable[[], bool]) -> None:
    """Wait for another thread; fails after five seconds."""
    end = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.001)
