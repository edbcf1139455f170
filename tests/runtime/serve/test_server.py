"""The model server over its sockets."""

import http.client
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagesse.runtime.serve.batch import BatchAnswerer
from sagesse.runtime.serve.frame import write_ping, write_request
from sagesse.runtime.serve.message import MAX_BODY_BYTES, Request
from sagesse.testing.serving_model import EchoModel
from tests.runtime.serve.running import Gate, connected, frames, replies, serving


def _ask(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    client.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = client.getresponse()
    answer = response.status, response.read()
    client.close()
    return answer


def test_a_frame_is_answered(tmp_path: Path) -> None:
    with serving(tmp_path) as (path, _), connected(path) as client:
        client.sendall(write_request(5, Request(b"hi", "text/plain")))

        reply = replies(client, 1)[5]

    assert (reply.status, reply.body, reply.content_type) == (200, b"1:hi", "text/plain")


def test_a_ping_is_answered_by_itself(tmp_path: Path) -> None:
    with serving(tmp_path) as (path, _), connected(path) as client:
        client.sendall(write_ping(3))

        (frame,) = frames(client, 1)

    assert (frame.id, frame.is_ping) == (3, True)


def test_requests_that_come_during_a_predict_share_the_next_one(tmp_path: Path) -> None:
    gate = Gate(EchoModel())
    with serving(tmp_path, gate) as (path, _), connected(path) as client:
        client.sendall(write_request(0, Request(b"first")))
        assert gate.entered.acquire(timeout=10)
        client.sendall(b"".join(write_request(id, Request(b"x")) for id in range(1, 65)))
        gate.open.release(2)

        answers = replies(client, 65)

    assert answers[0].body == b"1:first"
    assert {answers[id].body for id in range(1, 65)} == {b"64:x"}


def test_no_batch_is_larger_than_the_answerer_takes(tmp_path: Path) -> None:
    gate = Gate(EchoModel(), max_batch=3)
    with serving(tmp_path, gate) as (path, _), connected(path) as client:
        client.sendall(b"".join(write_request(id, Request(b"x")) for id in range(5)))
        gate.open.release(5)

        assert max(reply.body for reply in replies(client, 5).values()) <= b"3:x"


def test_a_reply_leaves_before_the_next_batch_is_done(tmp_path: Path) -> None:
    gate = Gate(EchoModel(), max_batch=1)
    with serving(tmp_path, gate) as (path, _), connected(path) as client:
        client.sendall(write_request(0, Request(b"x")) + write_request(1, Request(b"x")))
        gate.open.release()
        assert list(replies(client, 1)) == [0]

        gate.open.release()
        assert list(replies(client, 1)) == [1]


def test_an_answer_over_the_limit_is_an_error(tmp_path: Path) -> None:
    class Verbose(EchoModel):
        def encode(self, result: object, accept: str) -> tuple[bytes, str]:
            return bytes(MAX_BODY_BYTES + 1), "x" * 100_000

    with serving(tmp_path, BatchAnswerer(Verbose())) as (path, _), connected(path) as client:
        client.sendall(write_request(0, Request(b"x")))

        reply = replies(client, 1)[0]

    assert (reply.status, reply.body) == (500, b"The answer is 26214401 bytes; allowed: at most 26214400.")


def test_two_connections_share_a_predict(tmp_path: Path) -> None:
    gate = Gate(EchoModel())
    with serving(tmp_path, gate) as (path, _), connected(path) as one, connected(path) as two:
        two.sendall(write_ping(0))
        frames(two, 1)  # it is accepted
        one.sendall(write_request(0, Request(b"first")))
        assert gate.entered.acquire(timeout=10)
        one.sendall(write_request(1, Request(b"x")))
        two.sendall(write_request(1, Request(b"x")))
        gate.open.release(2)

        assert replies(two, 1)[1].body == b"2:x"


def test_the_largest_answer_arrives_whole(tmp_path: Path) -> None:
    body = b"a" * (MAX_BODY_BYTES - 2)
    with serving(tmp_path) as (path, _), connected(path) as client:
        client.sendall(write_request(1, Request(body)))

        assert replies(client, 1)[1].body == b"1:" + body


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=60))
def test_garbage_ends_its_connection_and_nothing_else(
    garbage_server: tuple[Path, int], garbage: bytes
) -> None:
    path, port = garbage_server
    with connected(path) as client:
        client.sendall(garbage)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(garbage)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass

    assert _ask(port, "GET", "/ping") == (200, b"")


@pytest.fixture(scope="module")
def garbage_server(tmp_path_factory: pytest.TempPathFactory):
    with serving(tmp_path_factory.mktemp("serve")) as found:
        yield found


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ping", 200),
        ("HEAD", "/ping", 200),
        ("POST", "/ping", 405),
        ("GET", "/invocations", 405),
        ("GET", "/nothing", 404),
    ],
)
def test_paths_and_methods_of_the_contract(
    garbage_server: tuple[Path, int], method: str, path: str, status: int
) -> None:
    assert _ask(garbage_server[1], method, path)[0] == status


@pytest.mark.parametrize(
    ("body", "headers", "answer"),
    [
        (b"hi", {"Content_Type": "text/plain"}, (200, b"1:hi")),
        (b"", {}, (204, b"")),
        (b"bad", {}, (400, b"Cannot decode 'bad'.")),
        (b"hi", {"Accept": "image/png"}, (406, b"Accept 'image/png' is not supported; allowed: text/plain.")),
        (
            b"hi",
            {"Content_Type": "image/png"},
            (415, b"Content type 'image/png' is not supported; allowed: text/plain."),
        ),
        (b"poison", {}, (500, b"ValueError: poison")),
    ],
)
def test_invocations_over_http(
    garbage_server: tuple[Path, int], body: bytes, headers: dict[str, str], answer: tuple[int, bytes]
) -> None:
    assert _ask(garbage_server[1], "POST", "/invocations", body, **headers) == answer


def test_http_keeps_the_connection_and_answers_in_order(garbage_server: tuple[Path, int]) -> None:
    with socket.create_connection(("127.0.0.1", garbage_server[1]), timeout=10) as client:
        client.sendall(
            b"POST /invocations HTTP/1.1\r\nContent-Length: 1\r\n\r\na"
            b"GET /ping HTTP/1.1\r\n\r\n"
            b"POST /invocations HTTP/1.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nb"
        )
        received = b""
        while data := client.recv(65536):
            received += data

    assert received.index(b"2:a") < received.index(b"Content-Length: 0") < received.index(b"2:b")


def test_http_takes_a_chunked_body_after_100_continue(garbage_server: tuple[Path, int]) -> None:
    with socket.create_connection(("127.0.0.1", garbage_server[1]), timeout=10) as client:
        client.sendall(
            b"POST /invocations HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sendall(b"2\r\nhi\r\n0\r\n\r\n")

        assert client.recv(65536).endswith(b"\r\n\r\n1:hi")


def test_http_refuses_a_body_over_the_limit(garbage_server: tuple[Path, int]) -> None:
    with socket.create_connection(("127.0.0.1", garbage_server[1]), timeout=10) as client:
        client.sendall(b"POST /invocations HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1))

        assert client.recv(65536).startswith(b"HTTP/1.1 413 ")
