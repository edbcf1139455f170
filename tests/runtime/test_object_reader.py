"""Reading objects from a server that breaks off, goes away, changes its mind, or wants other credentials."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from sagesse.runtime import object_reader
from sagesse.runtime.object_reader import Access, ObjectReader, ObjectUnreadable

CONTENT = bytes(range(256)) * 64
Answer = Callable[[BaseHTTPRequestHandler], None]


class Store:
    """Answers each request with the next of the answers, the last one again and again."""

    def __init__(self, folder: Path) -> None:
        self.answers: list[Answer] = []
        self.asked: list[dict[str, str]] = []
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                store.asked.append({"path": self.path, **dict(self.headers.items())})
                answer = store.answers.pop(0) if len(store.answers) > 1 else store.answers[0]
                answer(self)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.access = folder / "access.json"
        self.renew("key")

    def renew(self, key: str) -> None:
        url = f"http://127.0.0.1:{self._server.server_port}"
        self.access.write_bytes(msgspec.json.encode(Access(url, "us-east-1", key, "secret", "token")))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def gives(*, breaks_after: int | None = None, etag: str = '"e"') -> Answer:
    """The object from where it was asked, broken off after some bytes."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        start = int(handler.headers.get("Range", "bytes=0-")[6:-1])
        content = CONTENT[start:]
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(content)))
        handler.send_header("ETag", etag)
        handler.end_headers()
        handler.wfile.write(content[:breaks_after])
        if breaks_after is not None:
            handler.close_connection = True

    return answer


def refuses(status: int, code: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = f"<Error><Code>{code}</Code><Message>No.</Message></Error>".encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def read(store: Store) -> bytes:
    reader = ObjectReader(store.access)
    try:
        return b"".join(reader.open("bucket", "a key").chunks())
    finally:
        reader.drop()


def test_an_object_is_read(store: Store) -> None:
    store.answers = [gives()]
    assert read(store) == CONTENT
    assert store.asked[0]["path"] == "/bucket/a%20key"


def test_a_broken_connection_goes_on_where_it_broke(store: Store) -> None:
    store.answers = [gives(breaks_after=100), gives(breaks_after=1), gives()]
    assert read(store) == CONTENT
    assert [asked.get("Range") for asked in store.asked] == [None, "bytes=100-", "bytes=101-"]
    assert store.asked[1]["If-Match"] == '"e"'


def test_a_busy_server_is_asked_again(store: Store) -> None:
    store.answers = [refuses(503, "SlowDown"), refuses(500, "InternalError"), gives()]
    assert read(store) == CONTENT


def test_an_object_that_changed_in_between_is_not_mixed(store: Store) -> None:
    store.answers = [gives(breaks_after=100), refuses(412, "PreconditionFailed")]
    with pytest.raises(ObjectUnreadable, match="the object changed while it was read"):
        read(store)


def test_a_refusal_says_what_s3_said(store: Store) -> None:
    store.answers = [refuses(403, "AccessDenied")]
    with pytest.raises(ObjectUnreadable, match=r"AccessDenied: No\. \(S3 URL 's3://bucket/a key'\)"):
        read(store)


def test_expired_credentials_are_read_anew(store: Store) -> None:
    def expires(handler: BaseHTTPRequestHandler) -> None:
        store.renew("newer")
        refuses(400, "ExpiredToken")(handler)

    store.answers = [expires, gives()]
    assert read(store) == CONTENT
    assert "Credential=newer/" in store.asked[1]["Authorization"]


@pytest.mark.parametrize(("status", "code"), [(400, "ExpiredToken"), (500, "InternalError")])
def test_what_does_not_pass_is_a_failure_in_the_end(
    store: Store, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    monkeypatch.setattr(object_reader, "_PATIENCE_S", 0.0)
    store.answers = [refuses(status, code)]
    with pytest.raises(ObjectUnreadable, match=code):
        read(store)


def test_one_connection_serves_many_objects(store: Store) -> None:
    store.answers = [gives()]
    reader = ObjectReader(store.access)
    for _ in range(3):
        assert b"".join(reader.open("bucket", "key").chunks()) == CONTENT
    reader.drop()
    assert len(store.asked) == 3
