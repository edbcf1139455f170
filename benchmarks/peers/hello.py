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


def serve(application: Any, port: int) -> None:
    """Run an ASGI application on the HTTP server that Sagesse uses, set up as there."""
    uvicorn.run(
        application,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    serve(hello, int(sys.argv[1]))
