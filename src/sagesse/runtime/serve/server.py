"""The loop of a model server: one thread, natural batching.

Each round answers, in one go, everything that one read of each ready connection delivered. No timer: a lone
caller never waits; while a predict runs, requests pile up in the sockets and the next round takes them together.
"""

import contextlib
import selectors
import signal
import socket
from collections.abc import Iterable, Sequence
from types import FrameType
from typing import NamedTuple

from sagesse.runtime.serve.connection import Connection, Pending
from sagesse.runtime.serve.message import Answerer, Reply

_MAX_BATCH_BYTES = 64 * 1024 * 1024


class Listener(NamedTuple):
    """A listening socket and what its clients speak."""

    socket: socket.socket
    speaks: type[Connection]


class ModelServer:
    """Serves an answerer on listening sockets until it is told to stop.

    Args:
        answerer: answers the requests, in this object's thread.
        listeners: where clients come in.
    """

    def __init__(self, answerer: Answerer, listeners: Sequence[Listener]) -> None:
        self._answerer = answerer
        self._listeners = listeners
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._is_stopping = False

    def stop(self) -> None:
        """Stop after answering what was read. Safe from a signal handler and from any thread."""
        self._is_stopping = True
        with contextlib.suppress(OSError):
            self._wake_out.send(b"\0")

    def stop_on(self, number: signal.Signals) -> None:
        """Stop when this signal comes. Main thread only."""
        signal.signal(number, self._on_signal)

    def run(self) -> None:
        """Serve; returns after `stop`."""
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        for listener in self._listeners:
            listener.socket.setblocking(False)
            self._selector.register(listener.socket, selectors.EVENT_READ, listener)
        try:
            while not self._is_stopping:
                self._answer(self._collect())
        finally:
            self._close()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stop()

    def _collect(self) -> list[Pending]:
        """Wait until something is to be done; the requests that came."""
        pending: list[Pending] = []
        for key, events in self._selector.select():
            match key.data:
                case Listener() as listener:
                    self._accept(listener)
                case Connection() as connection:
                    if events & selectors.EVENT_READ:
                        pending += connection.read()
                    self._flush(connection)
                case _:
                    self._wake_in.recv(4096)
        return pending

    def _accept(self, listener: Listener) -> None:
        try:
            client, _ = listener.socket.accept()
        except OSError:
            return  # it went away again
        client.setblocking(False)
        self._selector.register(client, selectors.EVENT_READ, listener.speaks(client))

    def _answer(self, pending: Sequence[Pending]) -> None:
        for batch in _slices(pending, self._answerer.max_batch):
            replies: Iterable[Reply] = self._answerer.answer([item.request for item in batch])
            for item, reply in zip(batch, replies, strict=True):
                item.connection.reply(item, reply)
            for connection in {id(item.connection): item.connection for item in batch}.values():
                self._flush(connection)

    def _flush(self, connection: Connection) -> None:
        """Send what can be sent; watch for room when there is more, forget the connection when it is over."""
        if connection.socket.fileno() < 0:
            return
        connection.flush()
        if connection.is_over:
            self._selector.unregister(connection.socket)
            connection.socket.close()
            return
        wanted = (selectors.EVENT_READ if connection.is_reading else 0) | (
            selectors.EVENT_WRITE if connection.has_output else 0
        )
        if wanted and self._selector.get_key(connection.socket).events != wanted:
            self._selector.modify(connection.socket, wanted, connection)

    def _close(self) -> None:
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, Connection):
                key.data.socket.setblocking(True)
                key.data.socket.settimeout(
                    5
                )  # replies that are ready are sent; a dead client holds nobody up
                key.data.flush()
                key.data.socket.close()
        for listener in self._listeners:
            listener.socket.close()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()


def _slices(pending: Sequence[Pending], most: int) -> Iterable[Sequence[Pending]]:
    """`pending` in order, cut where a batch would get too many requests or bytes."""
    batch: list[Pending] = []
    size = 0
    for item in pending:
        length = len(item.request.body)
        if batch and (len(batch) >= most or size + length > _MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += length
    if batch:
        yield batch
