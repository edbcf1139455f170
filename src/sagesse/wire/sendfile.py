"""Sending a piece of a file from kernel to kernel, which uvloop does not offer."""

import asyncio
import os
from typing import Protocol

_BURST_BYTES = 1 << 20  # what one call may move before other connections get their turn
STALL_S = 60  # that a client may take nothing


class Flow(Protocol):
    """The part of uvicorn's flow control this needs."""

    async def drain(self) -> None:
        """Wait until the transport's write buffer is low."""
        ...


async def send_file(
    transport: asyncio.Transport, flow: Flow, descriptor: int, *, offset: int, size_bytes: int
) -> None:
    """Send `size_bytes` of an open file after whatever the transport still has to send.

    Raises:
        OSError: the connection is gone.
        EOFError: the file is shorter than that.
        TimeoutError: the client took nothing for a minute.
    """
    await _emptied(transport, flow)
    socket = transport.get_extra_info("socket")
    if socket is None or transport.is_closing():
        raise ConnectionResetError
    # The event loop refuses to watch a descriptor that belongs to a transport, so it watches a copy.
    copy = os.dup(socket.fileno())
    try:
        while size_bytes > 0:
            try:
                sent = os.sendfile(copy, descriptor, offset, min(size_bytes, _BURST_BYTES))
            except BlockingIOError:
                await _writable(copy)
                continue
            if sent == 0:
                raise EOFError
            offset += sent
            size_bytes -= sent
            await asyncio.sleep(0)
    finally:
        os.close(copy)


async def _emptied(transport: asyncio.Transport, flow: Flow) -> None:
    transport.set_write_buffer_limits(high=0)
    try:
        async with asyncio.timeout(STALL_S):
            while transport.get_write_buffer_size() > 0 and not transport.is_closing():
                await flow.drain()
                await asyncio.sleep(0)
    finally:
        transport.set_write_buffer_limits()


async def _writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def report() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(descriptor, report)
    try:
        async with asyncio.timeout(STALL_S):
            await ready
    finally:
        loop.remove_writer(descriptor)
