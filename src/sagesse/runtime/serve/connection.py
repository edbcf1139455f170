"""One client of a model server: bytes in, requests out, replies back."""

import socket
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sagesse.runtime.serve.frame import FrameError, FrameReader, read_request, write_ping, write_reply
from sagesse.runtime.serve.http import Exchange, HttpError, HttpReader, write_http
from sagesse.runtime.serve.message import MAX_BODY_BYTES, Reply, Request, refusal

_READ_BYTES = 256 * 1024
_MAX_OUTPUT_BYTES = 32 * 1024 * 1024  # a client that does not take its replies is not read from any more

_MAX_HEADER_CHARACTERS = 1024  # as the members of InvokeEndpoint allow


class Pending(NamedTuple):
    """A request that waits for its reply; `tag` is what its connection needs to send it."""

    connection: "Connection"
    request: Request
    tag: object


class Connection:
    """A connected client. Subclasses say what it speaks."""

    def __init__(self, client: socket.socket) -> None:
        self.socket = client
        self.is_over = False
        self._output = bytearray()
        self._ends_when_sent = False

    @property
    def has_output(self) -> bool:
        """Whether replies wait for room in the socket."""
        return bool(self._output)

    @property
    def is_reading(self) -> bool:
        """Whether more requests are welcome."""
        return not self._ends_when_sent and len(self._output) < _MAX_OUTPUT_BYTES

    def read(self) -> Sequence[Pending]:
        """The requests that one read delivered."""
        try:
            data = self.socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return ()
        except OSError:
            data = b""
        if not data:
            self.is_over = True
            return ()
        return list(self._parse(data))

    def reply(self, pending: Pending, reply: Reply) -> None:
        """Queue the reply of one of this connection's requests."""
        raise NotImplementedError

    def flush(self) -> None:
        """Send as much as the socket takes."""
        try:
            while self._output and not self.is_over:
                del self._output[: self.socket.send(self._output)]
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.is_over = True
        if self._ends_when_sent:
            self.is_over = True

    def _parse(self, data: bytes) -> Iterable[Pending]:
        raise NotImplementedError

    def _send(self, data: bytes) -> None:
        self._output += data

    def _end(self) -> None:
        """Close after what is queued was sent."""
        self._ends_when_sent = True


class FrameConnection(Connection):
    """The gateway: frames, many requests at once."""

    def __init__(self, client: socket.socket) -> None:
        super().__init__(client)
        self._reader = FrameReader()

    def reply(self, pending: Pending, reply: Reply) -> None:
        """Queue the reply's frame."""
        assert isinstance(pending.tag, int)
        if len(reply.body) > MAX_BODY_BYTES:
            reply = refusal(500, f"The answer is {len(reply.body)} bytes; allowed: at most {MAX_BODY_BYTES}.")
        reply.content_type = reply.content_type[:_MAX_HEADER_CHARACTERS]
        reply.custom_attributes = reply.custom_attributes[:_MAX_HEADER_CHARACTERS]
        self._send(write_reply(pending.tag, reply))

    def _parse(self, data: bytes) -> Iterable[Pending]:
        try:
            for frame in self._reader.feed(data):
                if frame.is_ping:
                    self._send(write_ping(frame.id))
                else:
                    yield Pending(self, read_request(frame), frame.id)
        except FrameError as error:
            print(f"sagesse: closing a connection: {error}", flush=True)  # noqa: T201 - the server's log
            self._end()


class HttpConnection(Connection):
    """An HTTP/1.1 client. Requests are answered in order, one at a time."""

    def __init__(self, client: socket.socket) -> None:
        super().__init__(client)
        self._reader = HttpReader()
        self._waiting: list[Exchange] = []

    def reply(self, pending: Pending, reply: Reply) -> None:
        """Queue the response, then those that stood behind it."""
        exchange = self._waiting.pop(0)
        self._respond(exchange, reply)
        self._answer_known()

    def _parse(self, data: bytes) -> Iterable[Pending]:
        try:
            exchanges = self._reader.feed(data)
        except HttpError as error:
            self._send(write_http(error.reply, keep_alive=False))
            self._end()
            return
        if self._reader.wants_continue:
            self._reader.wants_continue = False
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._waiting += exchanges
        self._answer_known()
        for exchange in exchanges:
            if isinstance(exchange.outcome, Request):
                yield Pending(self, exchange.outcome, None)

    def _answer_known(self) -> None:
        while self._waiting and not isinstance(outcome := self._waiting[0].outcome, Request):
            self._respond(self._waiting.pop(0), Reply(200) if outcome == "ping" else outcome)

    def _respond(self, exchange: Exchange, reply: Reply) -> None:
        if self._ends_when_sent:
            return
        self._send(write_http(reply, keep_alive=exchange.keep_alive, is_head=exchange.is_head))
        if not exchange.keep_alive:
            self._end()
