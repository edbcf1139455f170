"""Listening, and stopping without cutting a request short."""

import asyncio
import socket
from email.utils import formatdate
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from sagesse.wire.authority import Authority
from sagesse.wire.front import Front, Links
from sagesse.wire.gateway import Gateway

_KEEP_ALIVE_S = 75  # longer than the pools of the SDKs, which reuse connections for a minute
_BACKLOG = 2048


class WireServer:
    """A listening server; made by `serve`."""

    def __init__(self, server: asyncio.Server, links: Links) -> None:
        self._server = server
        self._links = links
        self._dating = asyncio.get_running_loop().create_task(self._date())

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._links.port

    async def stop(self, *, grace_s: float = 10) -> None:
        """Take no more connections, let requests in flight end for up to `grace_s`, then cut them."""
        self._server.close()
        self._dating.cancel()
        state = self._links.state
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            await asyncio.wait(list(state.tasks), timeout=grace_s)
        for task in list(state.tasks):
            task.cancel("the server stops")
        for connection in list(state.connections):
            if connection.transport is not None:  # pyright: ignore[reportUnnecessaryComparison] - None until made
                connection.transport.abort()
        for relay in list(self._links.relays):
            if relay.transport is not None:
                relay.transport.abort()

    async def _date(self) -> None:
        """Keep the Date header of replies at the second."""
        while True:
            self._links.state.default_headers[:] = [(b"date", formatdate(usegmt=True).encode())]
            await asyncio.sleep(1)


async def serve(
    gateway: Gateway, *, host: str = "127.0.0.1", port: int = 0, authority: Authority | None = None
) -> WireServer:
    """Answer HTTP on `host`:`port` on the running event loop.

    Args:
        gateway: the application.
        host: an address; anything but loopback makes the server reachable for others.
        port: 0 takes a free one, see `WireServer.port`.
        authority: signs the certificates for CONNECT to AWS hosts; None refuses these.

    Raises:
        OSError: the port is taken, the address is not ours.
    """
    listener = _listen(host, port)
    bound: int = listener.getsockname()[1]
    config = Config(
        cast("Any", gateway),  # uvicorn spells ASGI's types privately
        interface="asgi3",
        http=Front,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    config.load()
    links = Links(config, ServerState(), authority, bound, set())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Front(links), sock=listener, backlog=_BACKLOG)
    return WireServer(server, links)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
