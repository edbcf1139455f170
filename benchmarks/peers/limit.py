"""The least any object server has to do: receive, md5 and fsync a body; send a file with sendfile.

A bare blocking loop over one connection, without HTTP but for one line: `PUT bytes` or `GET path`.

python -m benchmarks.peers.limit PORT FOLDER
"""

import hashlib
import os
import socket
import sys

_PIECE = 1 << 20


def serve(port: int, folder: str) -> None:
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while line := _line(connection):
                verb, argument = line.split(" ", 1)
                if verb == "PUT":
                    _receive(connection, int(argument), os.path.join(folder, "received"))
                else:
                    _send(connection, argument)


def _line(connection: socket.socket) -> str:
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            return ""
        line += byte
    return line.decode().strip()


def _receive(connection: socket.socket, size: int, path: str) -> None:
    digest, piece, left = hashlib.md5(usedforsecurity=False), memoryview(bytearray(_PIECE)), size
    with open(path + ".part", "wb", buffering=0) as file:
        while left > 0:
            got = connection.recv_into(piece, min(left, _PIECE))
            if got == 0:
                return
            digest.update(piece[:got])
            file.write(piece[:got])
            left -= got
        os.fsync(file.fileno())
    os.rename(path + ".part", path)
    connection.sendall(digest.hexdigest().encode() + b"\n")


def _send(connection: socket.socket, path: str) -> None:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        connection.sendall(b"%d\n" % size)
        connection.sendfile(file)


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2])
