"""The HTTP side of a model server: ``GET /ping`` and ``POST /invocations``, as AWS asks of a serving container."""

from http import HTTPStatus
from typing import Literal, NamedTuple, TypeAlias

import httptools

from sagesse.runtime.serve.message import MAX_BODY_BYTES, Reply, Request, refusal

_MAX_HEADER_BYTES = 64 * 1024
_CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_METHODS = {"/ping": ("GET", "HEAD"), "/invocations": ("POST",)}

Outcome: TypeAlias = Request | Reply | Literal["ping"]


class Exchange(NamedTuple):
    """One HTTP request as far as the server cares: something to answer, or the answer already."""

    outcome: Outcome
    keep_alive: bool
    is_head: bool = False


class HttpError(Exception):
    """What came is not HTTP, or too large; `reply` says so and the connection ends."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body.decode())
        self.reply = reply


class HttpReader:
    """Cuts a stream of bytes into HTTP requests. `wants_continue` asks the caller to send "100 Continue"."""

    def __init__(self, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._max_body_bytes = max_body_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._done: list[Exchange] = []
        self._url = b""
        self._headers: dict[str, str] = {}
        self._header_bytes = 0
        self._body = bytearray()
        self._too_large: Reply | None = None
        self.wants_continue = False

    def feed(self, data: bytes) -> list[Exchange]:
        """Take what one read delivered; the requests it completed.

        Raises:
            HttpError: malformed, or over a limit.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise HttpError(refusal(400, "This server does not switch protocols.")) from None
        except httptools.HttpParserError as error:
            raise HttpError(self._too_large or refusal(400, f"Malformed HTTP: {error}")) from None
        done, self._done = self._done, []
        return done

    # What follows is called by the parser.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url, self._headers, self._header_bytes, self._body = b"", {}, 0, bytearray()

    def on_url(self, url: bytes) -> None:
        """A piece of the request target."""
        self._url += url
        self._limit_headers(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, whole."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        self._limit_headers(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """The body follows."""
        announced = self._headers.get("content-length", "0")
        self._limit_body(int(announced) if announced.isdecimal() else 0)
        self.wants_continue = self._headers.get("expect", "").lower() == "100-continue"

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self.wants_continue = False
        self._limit_body(len(self._body) + len(body))
        self._body += body

    def on_message_complete(self) -> None:
        """The request is whole."""
        self.wants_continue = False
        method = self._parser.get_method().decode("latin-1")
        outcome = self._outcome(method, self._url.partition(b"?")[0].decode("latin-1"))
        self._done.append(Exchange(outcome, self._parser.should_keep_alive(), method == "HEAD"))

    def _outcome(self, method: str, path: str) -> Outcome:
        allowed = _METHODS.get(path)
        if allowed is None:
            return refusal(404, f"Unknown path {path}; this server has /ping and /invocations.")
        if method not in allowed:
            return refusal(405, f"{path} takes {' or '.join(allowed)}, not {method}.")
        if path == "/ping":
            return "ping"
        return Request(
            bytes(self._body),
            self._headers.get("content-type", ""),
            self._headers.get("accept", ""),
            self._headers.get(_CUSTOM_ATTRIBUTES, ""),
            self._headers.get("x-amzn-sagemaker-inference-id", ""),
        )

    def _limit_headers(self, more: int) -> None:
        self._header_bytes += more
        if self._header_bytes > _MAX_HEADER_BYTES:
            self._refuse(refusal(431, f"The headers are longer than {_MAX_HEADER_BYTES} bytes."))

    def _limit_body(self, size: int) -> None:
        if size > self._max_body_bytes:
            self._refuse(refusal(413, f"The body is larger than {self._max_body_bytes} bytes."))

    def _refuse(self, reply: Reply) -> None:
        self._too_large = reply
        raise ValueError("over a limit")  # the parser stops and reports its own error


def write_http(reply: Reply, *, keep_alive: bool, is_head: bool = False) -> bytes:
    """The bytes of an HTTP/1.1 response."""
    status = HTTPStatus(reply.status)
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    if status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(reply.body)}")
    if reply.content_type:
        lines.append(f"Content-Type: {reply.content_type}")
    if reply.custom_attributes:
        lines.append(f"X-Amzn-SageMaker-Custom-Attributes: {reply.custom_attributes}")
    if not keep_alive:
        lines.append("Connection: close")
    lines = [line.replace("\r", " ").replace("\n", " ") for line in lines]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
    return head if is_head or status == HTTPStatus.NO_CONTENT else head + reply.body
