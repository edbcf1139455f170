"""Patience with a server that comes and goes: a real socket, no waiting."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from botocore.exceptions import ClientError

from sagesse.demo import cloud as cloud_module
from sagesse.demo.cloud import Access, Cloud, ServerGone, is_missing, look

IDENTITY = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult>"
    b"</GetCallerIdentityResponse>"
)


class Answers(BaseHTTPRequestHandler):
    statuses: list[int]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 0:  # the server dies
            self.close_connection = True
            return
        body = (
            IDENTITY if status == 200 else b"<ErrorResponse><Error><Code>Bad</Code></Error></ErrorResponse>"
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_module, "_LOOK_S", 0.001)


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    Answers.statuses = []
    with HTTPServer(("127.0.0.1", 0), Answers) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def access(port: int) -> Access:
    return Access(f"http://127.0.0.1:{port}", "us-east-1", "AKIA", "secret")


def test_a_call_waits_for_a_server_that_is_not_there_yet(server: HTTPServer) -> None:
    looks = iter([None, None, access(server.server_port)])
    said: list[str] = []
    answer = Cloud(lambda: next(looks), said.append).call("sts", "get_caller_identity")
    assert answer["Account"] == "1"
    assert [text.partition(".")[0] for text in said] == [
        "The server does not answer",
        "The server answers again; going on",
    ]


def test_a_call_goes_on_at_another_port(server: HTTPServer) -> None:
    looks = iter([access(1), access(server.server_port)])
    assert Cloud(lambda: next(looks), lambda _: None).call("sts", "get_caller_identity")["Account"] == "1"


def test_a_call_cut_off_in_the_middle_is_made_again(server: HTTPServer) -> None:
    Answers.statuses = [0, 0, 0]
    cloud = Cloud(lambda: access(server.server_port), lambda _: None)
    assert cloud.call("sts", "get_caller_identity")["Account"] == "1"
    assert Answers.statuses == []


def test_patience_ends() -> None:
    cloud = Cloud(lambda: None, lambda _: None, patience_s=0)
    with pytest.raises(ServerGone, match="no server is running"):
        cloud.call("sts", "get_caller_identity")


def test_a_refusal_is_not_tried_again(server: HTTPServer) -> None:
    Answers.statuses = [400, 200]
    with pytest.raises(ClientError):
        Cloud(lambda: access(server.server_port), lambda _: None).call("sts", "get_caller_identity")
    assert Answers.statuses == [200]


def refusal(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeModel")


@pytest.mark.parametrize(
    ("error", "missing"),
    [
        (refusal("ValidationException", 'Could not find model "arn".'), True),
        (refusal("ValidationException", "Requested resource not found."), True),
        (refusal("ValidationException", "1 validation error detected"), False),
        (refusal("ResourceNotFoundException"), True),
        (refusal("404"), True),
        (refusal("AccessDeniedException", "model could not be looked at"), False),
    ],
)
def test_what_is_not_there_is_told_from_other_refusals(error: ClientError, missing: bool) -> None:
    assert is_missing(error) is missing


def test_looking_for_what_is_not_there_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = Cloud(lambda: None, lambda _: None)

    def refuse(*_: object, **__: object) -> dict[str, object]:
        raise refusal("404")

    monkeypatch.setattr(cloud, "call", refuse)
    assert look(cloud, "s3", "head_bucket", Bucket="b") is None
