"""The server's own process: open everything, answer until a signal, close in good order."""

import asyncio
import gc
import logging
import os
import signal
import sqlite3
import sys
import time

import msgspec
import uvloop

from sagesse.app import App
from sagesse.cli.failure import CommandFailed, Exit
from sagesse.cli.greeting import greeting
from sagesse.cli.instance import Facts, publish
from sagesse.cli.screen import Screen
from sagesse.config import Settings
from sagesse.core.fault import fault_of
from sagesse.engines.jobs.base import JobEngineError
from sagesse.engines.objects.remote import RemoteUnusable

_OBJECTS_BETWEEN_ROUNDS = 20_000


def serve(settings: Settings, screen: Screen) -> int:
    """Serve until SIGTERM or SIGINT; the caller holds the data directory.

    Raises:
        CommandFailed: the data cannot be opened, or the port not be listened on.
    """
    logging.basicConfig(
        level=settings.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    try:
        return uvloop.run(_answer(App(settings), screen))
    except sqlite3.Error as error:
        raise _cannot_open(settings, error) from error
    except RemoteUnusable as unusable:
        raise CommandFailed(unusable.message, fix=unusable.fix) from unusable
    except JobEngineError as error:
        raise CommandFailed(str(error)) from error


async def _answer(app: App, screen: Screen) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        await app.start()
    except (OSError, OverflowError) as error:
        await app.stop()
        if fault_of(error) is not None:
            raise _cannot_open(app.settings, error) from error
        raise _cannot_listen(app.settings, error) from error
    _settle_memory()
    facts = _facts(app)
    publish(app.settings.folder, facts)
    screen.result(msgspec.to_builtins(facts), *greeting(facts, "Sagesse answers", host=app.settings.host))
    await stopping.wait()
    await app.stop()
    return Exit.DONE


def _settle_memory() -> None:
    """Leave what a server keeps for life out of the collector's rounds, and make these rarer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_ROUNDS, 20, 50)


def _facts(app: App) -> Facts:
    settings = app.settings
    return Facts(
        url=app.url,
        port=app.port,
        pid=os.getpid(),
        access_key_id=app.root_key.access_key_id,
        secret_access_key=app.root_key.secret,
        region=settings.region,
        account=settings.account,
        data_dir=str(settings.folder),
        ephemeral=settings.ephemeral,
        started=time.time(),
        certificate=str(app.authority.certificate),
        bundle=str(app.authority.bundle),
    )


def _cannot_open(settings: Settings, error: Exception) -> CommandFailed:
    return CommandFailed(
        f"the data in {settings.folder} cannot be opened: {error}",
        fix="See `sagesse doctor`, and `sagesse scrub` for what is damaged.",
    )


def _cannot_listen(settings: Settings, error: OSError | OverflowError) -> CommandFailed:
    return CommandFailed(
        f"port {settings.port} on {settings.host} cannot be listened on: {error}",
        fix="Another program may have it: choose a --port (0 takes a free one).",
        code=Exit.CANNOT_LISTEN,
    )
