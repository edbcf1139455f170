"""A raw HTTP/1.1 connection: requests that are bytes already, answers read with as little work as possible."""

import socket


class Connection:
    """Keeps the connection open; opens a new one where the server closes it.

    moto's does each time; s3rver's after five idle seconds, which shows only when the next request was sent: a
    request without any answer on a connection that was used before is sent again.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._sent: tuple[bytes, bytes | memoryview] = (b"", b"")
        self._was_used = False
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
        self._sent = request, body
        try:
            self._send()
        except ConnectionError:
            if not self._was_used:
                raise
            self._send_again()

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
        data = self._first()
        connection = self._open()
        while b"\r\n\r\n" not in (data := _without_continue(data)):
            got = connection.recv(1 << 16)
            if not got:
                raise EOFError
            data += got
        self._was_used = True
        head, _, start = data.partition(b"\r\n\r\n")
        return int(head[9:12]), head.lower(), start

    def _first(self) -> bytes:
        """How an answer begins."""
        try:
            got = self._open().recv(1 << 16)
        except ConnectionError:
            got = b""
        if not got:
            self._send_again()
            got = self._open().recv(1 << 16)
        return got

    def _send(self) -> None:
        for part in self._sent:
            if part:
                self._open().sendall(part)

    def _send_again(self) -> None:
        if not self._was_used:
            raise EOFError
        self.close()
        self._send()

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._was_used = False
            self._socket = socket.create_connection(("127.0.0.1", self._port), 60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _close_if_last(self, head: bytes) -> None:
        if b"connection: close" in head:
            self.close()


def _without_continue(data: bytes) -> bytes:
    if data.startswith(b"HTTP/1.1 100"):
        return data.partition(b"\r\n\r\n")[2] if b"\r\n\r\n" in data else data
    return data


def _length(head: bytes) -> int:
    _, found, rest = head.partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0
