"""A raw HTTP/1.1 connection: requests that are bytes already, answers read with as little work as possible."""

import socket


class Connection:
    """Keeps the connection open; opens a new one where the server closes it (moto's does, each time)."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._piece = memoryview(bytearray(1 << 20))

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def exchange(self, request: bytes, body: bytes | memoryview = b"") -> tuple[int, bytes]:
        """Send a request, with a large body apart from its head; returns the status and the answer's body."""
        self.send(request, body)
        return self.receive()

    def send(self, request: bytes, body: bytes | memoryview = b"") -> None:
        """Send a request; its answer is still to be received."""
        self._open().sendall(request)
        if body:
            self._open().sendall(body)

    def receive(self) -> tuple[int, bytes]:
        """The status and the body of the next answer."""
        status, head, start = self._answer()
        chunks, left = [start], _length(head) - len(start)
        while left > 0:
            got = self._open().recv(min(left, 1 << 20))
            if not got:
                raise EOFError
            chunks.append(got)
            left -= len(got)
        self._close_if_last(head)
        return status, b"".join(chunks)

    def discard(self, request: bytes) -> tuple[int, int]:
        """Send a request and read the answer's body without keeping it; returns the status and its size."""
        self.send(request)
        status, head, start = self._answer()
        size = _length(head)
        left = size - len(start)
        while left > 0:
            got = self._open().recv_into(self._piece, min(left, len(self._piece)))
            if got == 0:
                raise EOFError
            left -= got
        self._close_if_last(head)
        return status, size

    def _answer(self) -> tuple[int, bytes, bytes]:
        connection = self._open()
        data = b""
        while b"\r\n\r\n" not in data or data.startswith(b"HTTP/1.1 100"):
            got = connection.recv(1 << 16)
            if not got:
                raise EOFError
            data += got
            if data.startswith(b"HTTP/1.1 100") and b"\r\n\r\n" in data:
                data = data.partition(b"\r\n\r\n")[2]
        head, _, start = data.partition(b"\r\n\r\n")
        return int(head[9:12]), head.lower(), start

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), 60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _close_if_last(self, head: bytes) -> None:
        if b"connection: close" in head:
            self.close()


def _length(head: bytes) -> int:
    _, found, rest = head.partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
