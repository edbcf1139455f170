"""uvicorn's HTTP protocol with what AWS clients need on top of it.

- `CONNECT host:443` for AWS hosts ends TLS on the same connection and speaks HTTP to the same application; other
  hosts are tunnelled byte for byte, for clients on this machine only.
- Requests in the absolute form of a plain HTTP proxy are answered when they mean AWS or ourselves.
- Heads are bounded; what follows an early error is drained within bounds; file slices go out with sendfile.
"""

import asyncio
import logging
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from sagesse.wire.authority import Authority
from sagesse.wire.eager import begin
from sagesse.wire.host import is_aws_host, without_port
from sagesse.wire.sendfile import STALL_S, send_file
from sagesse.wire.tunnel import Relay, open_tunnel

MAX_HEAD_BYTES = 64 * 1024
_MOST_WAITING_BYTES = (
    512 * 1024
)  # of a body, before no more is read: each pause costs two calls of the system
_MAX_DISCARDED_BYTES = 256 * 1024 * 1024
_HANDSHAKE_S = 15
_CONNECT_S = 20
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost", "[::1]"))
_log = logging.getLogger(__name__)


class Links(NamedTuple):
    """What every connection of one server shares; `authority` None refuses CONNECT to AWS hosts."""

    config: Config
    state: ServerState
    authority: Authority | None
    port: int
    relays: set[Relay]  # open tunnels


class Exchange:
    """One request and its response, as the application sees the connection under it (`scope["sagesse"]`)."""

    __slots__ = ("_cycle", "_front")

    def __init__(self, front: "Front", cycle: RequestResponseCycle) -> None:
        self._front = front
        self._cycle = cycle

    @property
    def is_gone(self) -> bool:
        """Whether the client has closed the connection."""
        return self._cycle.disconnected

    @property
    def awaits_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body."""
        return self._cycle.waiting_for_100_continue

    @property
    def can_send_file(self) -> bool:
        """Whether the connection is plain, so that the kernel can send files itself."""
        return self._front.scheme == "http"

    def proceed(self) -> None:
        """Tell a client that waits for `100 Continue` to go on, though nothing is to come.

        The AWS CLI takes an answer without it for a refusal of the body, and misreads the connection's next answer.
        """
        self._cycle.waiting_for_100_continue = False
        self._cycle.transport.write(_CONTINUE)

    def has_body(self) -> bool:
        """Whether a piece of the body, or its end, has arrived and waits to be received."""
        return self._cycle.message_event.is_set()

    async def send_file(self, descriptor: int, *, offset: int, size_bytes: int) -> None:
        """Send a piece of an open file as (part of) the body; the headers must have been sent.

        Raises:
            OSError, EOFError, TimeoutError: the client or the bytes are gone; the response cannot be completed.
        """
        front = self._front
        await asyncio.sleep(0)  # the first wait: what follows needs a task
        await send_file(front.transport, front.flow, descriptor, offset=offset, size_bytes=size_bytes)
        self._cycle.expected_content_length -= size_bytes

    async def drained(self) -> None:
        """Wait until little of what was sent is still to be taken.

        Raises:
            TimeoutError: the client took nothing for a minute.
        """
        flow = self._front.flow
        if not flow.write_paused or self._cycle.disconnected:
            return
        await asyncio.sleep(0)  # the first wait: a time limit needs a task
        async with asyncio.timeout(STALL_S):
            await flow.drain()

    async def answer(self, status: int, head: bytes, body: bytes, *, is_last: bool) -> None:
        """Send a whole response in one write, one packet where it fits.

        Spares uvicorn's two general steps; `head`, the lines of the headers, is sent as it is and must say the body's
        length.
        """
        cycle = self._cycle
        if self._front.flow.write_paused:
            await self.drained()
        if cycle.disconnected:
            return
        cycle.keep_alive = cycle.keep_alive and not is_last
        cycle.waiting_for_100_continue = False
        cycle.response_started = cycle.response_complete = True
        parts = [STATUS_LINE[status]]
        for name, value in cycle.default_headers:
            parts += (name, b": ", value, b"\r\n")
        parts += (head, b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n", body)
        cycle.transport.write(b"".join(parts))
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()

    def abort(self) -> None:
        """Cut the connection: the response cannot be completed."""
        self._front.transport.abort()


class Front(HttpToolsProtocol):
    """One connection."""

    def __init__(self, links: Links) -> None:
        super().__init__(links.config, links.state, {}, asyncio.get_running_loop())
        self._links = links
        self._head_bytes = 0
        self._is_in_head = True
        self._discarded_bytes = 0
        self._connect_to: str | None = None
        self._early: list[bytes] | None = []  # decrypted before connection_made
        self._is_parsing = False
        self._fresh: tuple[RequestResponseCycle, Any] | None = None  # to begin when what came is parsed

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start; an idle connection is closed like a kept-alive one."""
        super().connection_made(transport)
        self._await_request()
        early, self._early = self._early or [], None
        for data in early:
            self.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; a connection whose TLS handshake failed never began."""
        if self._early is None:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came."""
        if self._early is not None:
            self._early.append(data)
            return
        self._unset_keepalive_if_required()
        if self.parser is None:  # uvicorn drops it when the connection is lost
            return
        self._is_parsing = True
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[int(upgrade.args[0]) :])
        except httptools.HttpParserError:
            self.refuse(400, "The request is not well-formed HTTP/1.1.")
        else:
            self._bound_head(len(data))
            if self.cycle is None or self.cycle.response_complete:  # pyright: ignore[reportUnnecessaryComparison]
                self._await_request()
        self._is_parsing = False
        if self._fresh is not None:
            fresh, self._fresh = self._fresh, None
            self._begin(*fresh)

    def on_message_begin(self) -> None:
        """A head starts."""
        self._is_in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head has ended: hand the request to the application."""
        self._is_in_head = False
        self._discarded_bytes = 0
        if self.parser is not None and self.parser.get_method() == b"CONNECT":
            self._connect_to = self.url.decode("latin-1")
            return
        if not self.url.startswith(b"/") and not self._take_absolute_form():
            return
        super().on_headers_complete()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment] - ASGI lets servers add keys
        scope["sagesse"] = Exchange(self, self.cycle)

    def on_body(self, body: bytes) -> None:
        """A piece of a body; what nobody will read is dropped, up to a bound."""
        if self.cycle is None:  # pyright: ignore[reportUnnecessaryComparison] - none before the first request
            return
        if self.cycle.response_complete:
            self._discarded_bytes += len(body)
            if self._discarded_bytes > _MAX_DISCARDED_BYTES:
                self.transport.abort()
            return
        self.cycle.body += body
        if len(self.cycle.body) > _MOST_WAITING_BYTES:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        """A request has come whole."""
        if self._connect_to is None and self.cycle is not None:  # pyright: ignore[reportUnnecessaryComparison]
            super().on_message_complete()

    def refuse(self, status: int, why: str) -> None:
        """Answer in plain text, before any application is involved, and close."""
        if self.transport.is_closing():
            return
        body = f"{why}\n".encode()
        head = (
            f"HTTP/1.1 {status} {_PHRASES[status]}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Wait for the rest of what came: the body of a small request is in it."""
        if self._is_parsing:
            self._fresh = (cycle, app)
        else:  # it was sent before its predecessor was answered; no recursion from one to the next
            super()._start_asgi_task(cycle, app)

    def _begin(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Run the application; a request that is whole needs a task only if it waits for something."""
        if cycle.more_body or self.transport.is_closing():
            super()._start_asgi_task(cycle, app)
            return
        task = begin(cycle.run_asgi(app), self.loop)
        if task is not None:
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def _await_request(self) -> None:
        """Close the connection unless something comes before the keep-alive time is over."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _bound_head(self, received_bytes: int) -> None:
        if not self._is_in_head:
            return
        self._head_bytes += received_bytes
        if self._head_bytes > MAX_HEAD_BYTES:
            self.refuse(431, f"The request line and headers exceed {MAX_HEAD_BYTES} bytes.")

    def _take_absolute_form(self) -> bool:
        """Turn `GET http://host/path` into `GET /path` with that host; false when it was refused."""
        try:
            url = urlsplit(self.url.decode("ascii"))
        except ValueError:
            self.refuse(400, "The request target is not a URL.")
            return False
        host = without_port(url.netloc)
        is_own = host in _LOOPBACK and (url.port or 80) == self._links.port
        if url.scheme != "http" or not (is_own or is_aws_host(host)):
            self.refuse(
                403,
                f"Sagesse answers for AWS hosts only, not for {host[:100]!r}; set NO_PROXY or unset HTTP_PROXY.",
            )
            return False
        self.url = (url.path or "/").encode() + (b"?" + url.query.encode() if url.query else b"")
        self.headers[:] = [field for field in self.headers if field[0] != b"host"]
        self.headers.append((b"host", url.netloc.encode()))
        return True

    def _upgrade(self, tail: bytes) -> None:
        """The parser has stopped at a CONNECT, or at an Upgrade that nobody here speaks."""
        if self._connect_to is None:
            self.cycle.keep_alive = False
            return
        is_busy = self.cycle is not None and not self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]
        host, _, port = self._connect_to.rpartition(":")
        if tail or is_busy or not (host and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
            self.refuse(400, "CONNECT needs host:port, and nothing before its answer.")
            return
        self.transport.pause_reading()
        work = self._end_tls(host.lower()) if is_aws_host(host) else self._tunnel(host, int(port))
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _end_tls(self, host: str) -> None:
        """Speak TLS as `host` on this connection, and HTTP inside."""
        authority = self._links.authority
        if authority is None:
            self.refuse(
                403, "This server has no certificate authority; AWS hosts are reached by AWS_ENDPOINT_URL."
            )
            return
        try:
            context = await authority.context(host)
        except ValueError as error:
            self.refuse(400, f"{error}.")
            return
        transport, inner = self.transport, Front(self._links)
        self.connections.discard(self)
        transport.write(_ESTABLISHED)
        try:
            secured = await self.loop.start_tls(
                transport, inner, context, server_side=True, ssl_handshake_timeout=_HANDSHAKE_S
            )
        except (OSError, TimeoutError) as error:
            _log.info("TLS handshake for %s failed: %s", host, error)
            transport.close()
            return
        if secured is not None:
            inner.connection_made(secured)

    async def _tunnel(self, host: str, port: int) -> None:
        """Relay to a host that is not ours."""
        if self.client is None or self.client[0] not in _LOOPBACK:
            self.refuse(403, "Sagesse tunnels for clients on its own machine only.")
            return
        if without_port(host) in _LOOPBACK and port == self._links.port:
            self.refuse(
                403, "A tunnel to this server itself leads nowhere; set NO_PROXY=127.0.0.1,localhost."
            )
            return
        try:
            relays = self._links.relays
            await open_tunnel(self.transport, host.strip("[]"), port, relays=relays, timeout_s=_CONNECT_S)
        except (OSError, TimeoutError) as error:
            self.refuse(502, f"{host[:100]}:{port} cannot be reached: {error or 'no answer'}.")
            return
        self.connections.discard(self)
        self.transport.write(_ESTABLISHED)
        self.transport.resume_reading()


_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_PHRASES = {400: "Bad Request", 403: "Forbidden", 431: "Request Header Fields Too Large", 502: "Bad Gateway"}
