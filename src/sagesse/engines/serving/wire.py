"""The gateway's end of the connection to one model server."""

import asyncio
import time
from collections.abc import Iterator
from typing import cast

from sagesse.engines.serving.base import (
    Answer,
    Invocation,
    InvocationTimeout,
    Overloaded,
    ServerGone,
    WorkerDied,
)
from sagesse.runtime.serve.frame import FrameError, FrameReader, read_reply, write_ping, write_request
from sagesse.runtime.serve.message import Reply, Request

_MAX_UNDER_WAY = 1000
_MAX_WAITING_BYTES = 256 * 1024 * 1024
_MAX_ID = 1 << 32


class Wire(asyncio.Protocol):
    """Many requests at once over one persistent connection; writes of one loop tick go out together.

    Attributes:
        lost: done when the connection has ended, with the reason.
        heard: when the server last sent anything (monotonic seconds).
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader()
        self._ids = _ids()
        self._retry = asyncio.Lock()
        self._under_way: dict[int, tuple[asyncio.Future[Reply], float]] = {}
        self._late: set[int] = set()  # timed out here, still with the server
        self._output: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._ping: tuple[int, float] | None = None
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self.heard = time.monotonic()

    @property
    def under_way(self) -> int:
        """Requests that wait for their reply."""
        return len(self._under_way)

    async def invoke(self, invocation: Invocation) -> Answer:
        """One request; see `ServingEngine.invoke`."""
        if not invocation.is_retry:
            return await self._invoke(invocation)
        async with self._retry:
            return await self._invoke(invocation)

    async def _invoke(self, invocation: Invocation) -> Answer:
        transport = self._transport
        if transport is None or self.lost.done():
            raise ServerGone("the server is not connected")
        if len(self._under_way) >= _MAX_UNDER_WAY or transport.get_write_buffer_size() > _MAX_WAITING_BYTES:
            raise Overloaded(f"{len(self._under_way)} requests wait for this model server")
        id = next(self._ids)
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._under_way[id] = (future, time.monotonic() + invocation.timeout_s)
        self._send(write_request(id, Request(*invocation[:5])))
        try:
            reply = await future
        finally:
            if self._under_way.pop(id, None) is not None:
                self._late.add(id)  # the caller went away
        return Answer(reply.status, reply.content_type, reply.body, reply.latency_us, reply.custom_attributes)

    def check(self, *, patience_s: float, busy_patience_s: float) -> str:
        """Time out requests that are over; ping; say what is wrong with the server, "" when nothing is.

        A server that predicts cannot answer a ping: with requests under way it has `busy_patience_s`.
        """
        now = time.monotonic()
        self._time_out(now)
        if self._ping is None:
            self._ping = (next(self._ids), now)
            self._send(write_ping(self._ping[0]))
            return ""
        patience = busy_patience_s if self._under_way or self._late else patience_s
        silent_s = now - max(self._ping[1], self.heard)
        return f"it has not answered for {silent_s:.0f} s" if silent_s > patience else ""

    def close(self) -> None:
        """End the connection; the server lives on."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to send."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none of asyncio's classes

    def data_received(self, data: bytes) -> None:
        """Replies and pings."""
        self.heard = time.monotonic()
        try:
            for frame in self._reader.feed(data):
                if frame.is_ping:
                    self._ping = None
                    continue
                reply = read_reply(frame)
                self._late.discard(frame.id)
                waiting = self._under_way.pop(frame.id, None)
                if waiting is not None and not waiting[0].done():
                    waiting[0].set_result(reply)
        except FrameError as error:
            self._end(f"it sent what is no frame: {error}")
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The process ended, or we closed."""
        self._end("its process ended")

    def _end(self, reason: str) -> None:
        if self.lost.done():
            return
        self.lost.set_result(reason)
        begun = self._reader.unfinished_id()
        for id, (future, _) in self._under_way.items():
            if not future.done():
                future.set_exception(WorkerDied(f"The model server died: {reason}.", may_retry=id != begun))
        self._under_way.clear()

    def _time_out(self, now: float) -> None:
        for id in [id for id, (_, deadline) in self._under_way.items() if deadline < now]:
            future, _ = self._under_way.pop(id)
            self._late.add(id)
            if not future.done():
                future.set_exception(InvocationTimeout("the model did not answer in time"))

    def _send(self, data: bytes) -> None:
        if not self._output:
            self._loop.call_soon(self._flush)
        self._output.append(data)

    def _flush(self) -> None:
        output, self._output = self._output, []
        if self._transport is not None and not self.lost.done():
            self._transport.writelines(output)


def _ids() -> Iterator[int]:
    """Request ids: growing, and after four thousand million from the start again."""
    while True:
        yield from range(1, _MAX_ID)
