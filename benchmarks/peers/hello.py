"""The least an application on our HTTP server can do: answer two words, in uvicorn, httptools and uvloop.

python -m benchmarks.peers.hello PORT
"""

import sys
from typing import Any

import uvicorn

_BODY = b"hello world"
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(_BODY))],
}
_REST = {"type": "http.response.body", "body": _BODY}


async def hello(_scope: Any, _receive: Any, send: Any) -> None:
    await send(_START)
    await send(_REST)


if __name__ == "__main__":
    uvicorn.run(
        hello,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=75,
    )
