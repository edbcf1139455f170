"""The bus: brings what the stores have to tell into the journal, and from there to subscribers."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sagesse.core.event import Delivery, Event, Message
from sagesse.core.event_pattern import Pattern
from sagesse.core.journal import Journal
from sagesse.core.outbox import Outbox
from sagesse.core.subscription import Subscription

_BATCH = 256
_PAUSE_S = 5.0
_GATHER_S = 0.1
"""From one move to the next: what is told meanwhile goes together, in one commit of the journal."""
_log = logging.getLogger(__name__)


class Bus:
    """Events and deliveries on their way: at least once, in the order of the journal.

    Args:
        journal: keeps them and their order.
        outboxes: of the stores that tell something.
    """

    def __init__(self, journal: Journal, outboxes: Sequence[Outbox]) -> None:
        self.journal = journal
        self._outboxes = tuple(outboxes)
        self._subscriptions: list[Subscription] = []
        self._due = threading.Event()
        self._moving = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="bus", daemon=True)
        for outbox in self._outboxes:
            outbox.watch(self._due.set)

    def subscribe(self, name: str, pattern: Mapping[str, Any], handler: Callable[[Event], None]) -> None:
        """Have `handler` called, in a thread of its own, with each event that matches an EventBridge pattern.

        At least once and in order, from where the subscriber of that name was when the last server ended; a new name
        begins with what happens from now on. A handler that raises is called again with the same event after a pause.

        Raises:
            BadPattern: the pattern is none.
        """
        matches = Pattern(pattern).matches

        def accepts(message: Message) -> bool:
            return isinstance(message, Event) and matches(message.envelope)

        def handle(message: Message) -> None:
            if isinstance(message, Event):
                handler(message)

        self._add(Subscription(self.journal, name, service="", accepts=accepts, handle=handle))

    def receive(self, service: str, handler: Callable[[Delivery], None]) -> None:
        """Have `handler` called with each delivery to a destination of `service` ("sqs"), also with those that waited.

        As `subscribe` otherwise. A service has one receiver.
        """

        def handle(message: Message) -> None:
            if isinstance(message, Delivery):
                handler(message)

        name = f"deliveries-{service}"
        self._add(Subscription(self.journal, name, service=service, accepts=lambda _: True, handle=handle))

    def start(self) -> None:
        """Begin, with what waits in the outboxes since the last server."""
        self._due.set()
        self._thread.start()
        for subscription in self._subscriptions:
            subscription.start()

    def stop(self) -> None:
        """Let running handlers end. What is not moved or handled yet is so by the next server."""
        self._stopping.set()
        self._due.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        for subscription in self._subscriptions:
            subscription.stop()

    def move(self) -> None:
        """Bring everything that waits in the outboxes into the journal, and wake the subscribers."""
        with self._moving:
            for outbox in self._outboxes:
                is_more = True
                while is_more and (waiting := outbox.waiting(_BATCH)):
                    self.journal.append(packed for _, packed in waiting)
                    outbox.forget(waiting[-1][0])
                    self._wake()
                    is_more = len(waiting) == _BATCH  # what came meanwhile goes with the next

    def sweep(self) -> None:
        """Drop from the journal what has passed its retention and every subscriber has had.

        The outboxes first: what is in the journal no more would be new to it.
        """
        for outbox in self._outboxes:
            outbox.clean()
        done = {"": self.journal.last}
        for subscription in self._subscriptions:
            known = done.get(subscription.service, self.journal.last)
            done[subscription.service] = min(known, subscription.position)
        self.journal.sweep(done)

    def wipe(self) -> None:
        """Remove every message; the stores' outboxes were wiped before."""
        with self._moving:
            self.journal.wipe()

    def _add(self, subscription: Subscription) -> None:
        if any(other.name == subscription.name for other in self._subscriptions):
            raise ValueError(f"there is a subscriber named {subscription.name!r} already")
        self._subscriptions.append(subscription)
        if self._thread.is_alive():
            subscription.start()

    def _wake(self) -> None:
        for subscription in self._subscriptions:
            subscription.wake()

    def _work(self) -> None:
        pause_s: float | None = None
        while not self._stopping.is_set():
            self._due.wait(pause_s)
            self._due.clear()
            try:
                self.move()
                pause_s = None
            except Exception:
                _log.exception("messages could not be brought to the journal; they stay where they are")
                pause_s = _PAUSE_S
            self._stopping.wait(_GATHER_S)
