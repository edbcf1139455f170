"""Byte-for-byte relay of a CONNECT to a host that is not ours."""

import asyncio
from typing import cast


class Relay(asyncio.Protocol):
    """One end of a tunnel: what it receives goes to the other end, at the other end's pace."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Relay | None = None
        self.has_ended = False
        self.relays: set[Relay] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Pass the end of one direction on; the other may still have bytes to send."""
        self.has_ended = True
        if self.other is None or self.other.transport is None or self.other.has_ended:
            return False
        if self.other.transport.can_write_eof():
            self.other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end too."""
        self.relays.discard(self)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def pause_writing(self) -> None:
        """Stop reading at the other end until this one has caught up."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read at the other end again."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()


async def open_tunnel(
    client: asyncio.Transport, host: str, port: int, *, relays: set[Relay], timeout_s: float
) -> None:
    """Connect to `host` and give the client's transport to a relay towards it.

    The client's reading must be paused; the caller resumes it once it has answered. The relay on the client's side
    is in `relays` while the tunnel is open.

    Raises:
        OSError, TimeoutError: the host cannot be reached.
    """
    far, near = Relay(), Relay()
    async with asyncio.timeout(timeout_s):
        await asyncio.get_running_loop().create_connection(lambda: far, host, port)
    near.transport = client
    near.other, far.other = far, near
    near.relays = relays
    relays.add(near)
    client.set_protocol(near)
