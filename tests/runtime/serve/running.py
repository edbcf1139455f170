"""A model server in a thread, for tests."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sagesse.algorithms.base import Model
from sagesse.runtime.serve import address
from sagesse.runtime.serve.batch import BatchAnswerer
from sagesse.runtime.serve.connection import FrameConnection, HttpConnection
from sagesse.runtime.serve.frame import Frame, FrameReader, read_reply
from sagesse.runtime.serve.message import Answerer, Reply, Request
from sagesse.runtime.serve.server import Listener, ModelServer
from sagesse.testing.serving_model import EchoModel


class Gate:
    """An answerer that waits before each batch until the test opens it, and tells when one begins."""

    def __init__(self, model: Model, *, max_batch: int = 256) -> None:
        self.max_batch = max_batch
        self._inner = BatchAnswerer(model)
        self.entered = threading.Semaphore(0)
        self.open = threading.Semaphore(0)

    def answer(self, requests: Sequence[Request]) -> Sequence[Reply]:
        self.entered.release()
        assert self.open.acquire(timeout=10)
        return self._inner.answer(requests)


@contextmanager
def serving(folder: Path, answerer: Answerer | None = None) -> Iterator[tuple[Path, int]]:
    """A running server: the path of its frame socket and its HTTP port."""
    path = folder / "serve.sock"
    http = socket.create_server(("127.0.0.1", 0))
    port = http.getsockname()[1]
    listeners = [Listener(address.listen(path), FrameConnection), Listener(http, HttpConnection)]
    server = ModelServer(answerer or BatchAnswerer(EchoModel()), listeners)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield path, port
    finally:
        server.stop()
        thread.join(timeout=10)
        assert not thread.is_alive()


def connected(path: Path) -> socket.socket:
    """A blocking client of the frame socket."""
    client = address.connect(path)
    client.settimeout(10)
    return client


def replies(client: socket.socket, count: int) -> dict[int, Reply]:
    """The next `count` replies by request id."""
    return {frame.id: read_reply(frame) for frame in frames(client, count)}


def frames(client: socket.socket, count: int) -> list[Frame]:
    """The next `count` frames."""
    reader, found = FrameReader(), []
    while len(found) < count:
        data = client.recv(65536)
        assert data, "the server closed the connection"
        found += reader.feed(data)
    return found
