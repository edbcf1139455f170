"""One subscriber of the bus: a thread that hands it the journal's messages in order, at least once."""

import logging
import threading
from collections.abc import Callable

from sagesse.core.event import Message
from sagesse.core.journal import Entry, Journal

_BATCH = 200
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0
_log = logging.getLogger(__name__)


class Subscription:
    """Goes through the messages of one service's destinations, or through the events.

    A handler that raises gets the same message again after a pause that grows from 0.5 s to 60 s; what comes behind
    waits, other subscribers do not. The position is on disk after each batch, so a crash repeats at most one.

    Args:
        journal: where the messages are.
        name: under which the position is kept.
        service: of the destinations it receives for; empty for events.
        accepts: which of them it wants.
        handle: what to do with one; may block.
    """

    def __init__(
        self,
        journal: Journal,
        name: str,
        *,
        service: str,
        accepts: Callable[[Message], bool],
        handle: Callable[[Message], None],
    ) -> None:
        self.name = name
        self.service = service
        self._journal = journal
        self._accepts = accepts
        self._handle = handle
        self._due = threading.Event()
        self._is_stopping = False
        self._failures = 0
        self._thread = threading.Thread(target=self._work, name=f"bus-{name}", daemon=True)
        kept = journal.position(name)
        if kept is None:  # events are told from now on; deliveries have waited for whoever takes them
            kept = 0 if service else journal.last
            journal.move(name, kept)
        self.position = kept

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something new."""
        self._due.set()

    def stop(self) -> None:
        """Let the handler end that runs; begin no other."""
        self._is_stopping = True
        self._due.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _work(self) -> None:
        pause_s: float | None = 0
        while not self._is_stopping:
            if pause_s != 0:
                self._due.wait(pause_s)
            self._due.clear()
            pause_s = self._step()

    def _step(self) -> float | None:
        """Deal with a batch; answers when to go on: None when something new comes."""
        try:
            entries = self._journal.entries(after=self.position, limit=_BATCH, service=self.service)
            if not entries:
                return None
            pause_s = next((pause for pause in map(self._deal, entries) if pause), 0.0)
            self._journal.move(self.name, self.position)
            return pause_s
        except Exception:
            _log.exception("the subscriber %s cannot read or note its position", self.name)
            return _LONGEST_PAUSE_S

    def _deal(self, entry: Entry) -> float:
        """Hand over one message; answers the pause before it is tried again, 0 when it is done."""
        if self._is_stopping:
            return _FIRST_PAUSE_S
        try:
            if self._accepts(entry.message):
                self._handle(entry.message)
        except Exception:
            self._failures += 1
            _log.exception(
                "the subscriber %s failed on message %d (%d times)", self.name, entry.sequence, self._failures
            )
            return min(_FIRST_PAUSE_S * 2 ** (self._failures - 1), _LONGEST_PAUSE_S)
        self._failures = 0
        self.position = entry.sequence
        return 0.0
