"""Unix sockets at paths of any length (the kernel takes 107 bytes)."""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_MAX_PATH_BYTES = 107


def listen(path: Path, *, backlog: int = 64) -> socket.socket:
    """A non-blocking socket that listens at `path`; whatever was there is replaced.

    Raises:
        OSError: the folder is missing or not writable.
    """
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.setblocking(False)
    path.unlink(missing_ok=True)
    with _short(path) as address:
        server.bind(address)
    server.listen(backlog)
    return server


def connect(path: Path) -> socket.socket:
    """A non-blocking socket connected to the one that listens at `path`.

    Raises:
        OSError: nothing listens there (yet).
    """
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.setblocking(False)
    try:
        with _short(path) as address:
            client.connect(address)
    except BaseException:
        client.close()
        raise
    return client


@contextmanager
def _short(path: Path) -> Generator[str]:
    """A name for `path` that fits: itself, or one through an open descriptor of its folder."""
    if len(os.fsencode(path)) <= _MAX_PATH_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
