"""`sagesse up`: run a server in the foreground."""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys

import uvloop

from sagesse.app import App
from sagesse.config import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `up`."""
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--data-dir")
    parser.add_argument("--region")
    parser.add_argument("--ephemeral", action="store_true")
    parser.add_argument("--json", action="store_true")


def run(settings: Settings, *, as_json: bool) -> int:
    """Serve until SIGTERM or SIGINT."""
    logging.basicConfig(
        level=settings.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    uvloop.run(_serve(App(settings), as_json=as_json))
    return 0


async def _serve(app: App, *, as_json: bool) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await app.start()
    ready = {
        "url": app.url,
        "port": app.port,
        "pid": os.getpid(),
        "access_key_id": app.root_key.access_key_id,
        "secret_access_key": app.root_key.secret,
    }
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(ready) if as_json else f"Sagesse answers at {app.url}", flush=True)  # noqa: T201
    await stopping.wait()
    await app.stop()
