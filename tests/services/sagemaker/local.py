"""A server in this process whose clock is turned by hand, for what takes hours."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sagesse.app import App
from sagesse.config import Settings
from sagesse.core.call import Call
from sagesse.core.principal import Principal
from sagesse.core.record import Key
from sagesse.testing.clock import HandClock

ACCOUNT = "123456789012"
REGION = "us-east-1"


class LocalApp:
    """The application, its clock, and calls as root."""

    def __init__(self, app: App, clock: HandClock) -> None:
        self.app, self.clock = app, clock

    def call(self, operation: str, service: str = "sagemaker", **params: Any) -> Mapping[str, Any]:
        root = Principal.service("test.amazonaws.com", ACCOUNT)
        return self.app.call(
            Call(
                service=service,
                operation=operation,
                region=REGION,
                principal=root,
                params=params,
                request_id="test",
                is_internal=True,
            )
        )

    def wake(self, kind: str, name: str) -> None:
        """Look at a record now, as after a turn of the clock."""
        self.app.wake(Key(f"sagemaker:{kind}", ACCOUNT, REGION, name))


@contextmanager
def local_app(folder: Path, **settings: Any) -> Iterator[LocalApp]:
    """Run the application while the block lasts."""
    clock = HandClock(time.time())
    app = App(Settings(data_dir=str(folder), ephemeral=True, port=0, **settings), clock)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(app.start(), loop).result(30)
        yield LocalApp(app, clock)
    finally:
        asyncio.run_coroutine_threadsafe(app.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
