"""The least a server can do that acknowledges a small body only when it is on disk: hello, one write and one sync.

The file is as large as it will get, so that a sync is no more than that.

python -m benchmarks.peers.durable PORT FILE
"""

import os
import sys
from itertools import cycle
from typing import Any

from benchmarks.peers.hello import hello, serve

_FILE_BYTES, _BLOCK_BYTES = 4 << 20, 4096


def durable(path: str) -> Any:
    """The application."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.pwrite(file, bytes(_FILE_BYTES), 0)
    os.fsync(file)
    offsets = cycle(range(0, _FILE_BYTES, _BLOCK_BYTES))

    async def keep(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive()).get("body", b"")
        os.pwrite(file, body.ljust(_BLOCK_BYTES, b"\0"), next(offsets))
        os.fdatasync(file)
        await hello(scope, receive, send)

    return keep


if __name__ == "__main__":
    serve(durable(sys.argv[2]), int(sys.argv[1]))
