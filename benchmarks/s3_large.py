"""64 MiB over raw sockets, beside the least that has to be done: see `peers.limit`."""

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.connection import Connection
from benchmarks.process import cpu_s
from benchmarks.request import Raw, capture
from benchmarks.rounds import Subject
from benchmarks.s3_server import S3Server
from benchmarks.s3_subject import gets, puts
from benchmarks.sagesse_server import BUCKET

_BYTES, _TIMES = 64 << 20, 3

Subjects = dict[str, Subject]


def large_subjects(
    servers: Mapping[S3Server, Connection], limit_port: int, limit_pid: int, folder: Path
) -> tuple[Subjects, Subjects]:
    """Puts and gets: the limit's first, then those of each server."""
    body = os.urandom(_BYTES)
    all_puts, all_gets = _limits(limit_pid, limit_port, folder, body)
    for server, connection in servers.items():
        name, s3 = server.name, server.client
        signed = capture(s3, "put_object", Bucket=BUCKET, Key="large", Body=body)
        all_puts[f"{name} put, sha256 signed"] = puts(connection, server, [signed], _TIMES)
        presigned = Raw(_presigned_head(s3), body)
        all_puts[f"{name} put, presigned"] = puts(connection, server, [presigned], _TIMES)
        get = capture(s3, "get_object", Bucket=BUCKET, Key="large").whole
        all_gets[f"{name} get"] = gets(connection, server, get, _BYTES, _TIMES)
    return all_puts, all_gets


def _presigned_head(s3: Any) -> bytes:
    url = urlsplit(s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "large"}))
    return (
        f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {_BYTES}\r\n\r\n"
    ).encode()


def _limits(pid: int, port: int, folder: Path, body: bytes) -> tuple[Subjects, Subjects]:
    """The limit's side: one line, then bytes."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    piece = memoryview(bytearray(1 << 20))

    def put(count: int) -> None:
        for _ in range(count):
            connection.sendall(b"PUT %d\n" % len(body))
            connection.sendall(body)
            _line(connection)

    def get(count: int) -> None:
        for _ in range(count):
            connection.sendall(f"GET {folder / 'received'}\n".encode())
            left = int(_line(connection))
            while left > 0:
                left -= connection.recv_into(piece, min(left, len(piece)))

    return _limit(put, pid), _limit(get, pid)


def _limit(work: Callable[[int], None], pid: int) -> Subjects:
    return {"limit": Subject(work, lambda: cpu_s(pid), _TIMES)}


def _line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += connection.recv(1)
    return line
