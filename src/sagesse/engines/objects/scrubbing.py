"""The scrubs of a server: at most one at a time, in a thread of its own."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec

from sagesse.core.damage import DamageBook
from sagesse.engines.objects._verify import Opens
from sagesse.engines.objects.scrub import DEFAULT_RATE, Scrub

_log = logging.getLogger(__name__)


class ScrubWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to scrub: bytes to read a second at most, 0 for no bound."""

    rate_bytes: Annotated[int, msgspec.Meta(ge=0)] = DEFAULT_RATE


class Scrubbing:
    """Begins scrubs of a data directory and tells how far the last one is.

    Args:
        folder: the data directory.
        book: where findings are kept.
        opens: finds the keys of sealed objects.
        now: the time.
    """

    def __init__(self, folder: Path, book: DamageBook, opens: Opens, *, now: Callable[[], float]) -> None:
        self._folder = folder
        self._book = book
        self._opens = opens
        self._now = now
        self._guard = threading.Lock()
        self._scrub: Scrub | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether one is going on."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, wish: ScrubWish) -> None:
        """Begin one, unless one is going on."""
        with self._guard:
            if self.is_running:
                return
            scrub = Scrub(
                self._folder,
                self._book,
                self._opens,
                rate_bytes=wish.rate_bytes,
                is_live=True,
                now=self._now,
            )
            self._scrub = scrub
            self._thread = threading.Thread(target=_run, args=(scrub,), name="scrub", daemon=True)
            self._thread.start()

    def facts(self) -> dict[str, Any]:
        """How far the last one is; empty before the first."""
        return {} if self._scrub is None else msgspec.to_builtins(self._scrub.progress)

    def close(self) -> None:
        """End the one that is going on."""
        if self._scrub is not None:
            self._scrub.stop()
        if self._thread is not None:
            self._thread.join()


def _run(scrub: Scrub) -> None:
    try:
        scrub.run()
    except (OSError, sqlite3.Error) as error:
        scrub.progress.failure = str(error)
        _log.error("the scrub failed: %s", error)
