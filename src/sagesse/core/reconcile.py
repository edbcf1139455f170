"""The reconciler: brings every open record to a final state, and after a crash simply goes on.

There is no recovery code: at start all open records are advanced, as they are after every change.
"""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Mapping

from sagesse.core.call import Context
from sagesse.core.record import Key, Record, Store

Advance = Callable[[Context, Record], float | None]
_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0


class Reconciler:
    """Threads that advance open records; one record is advanced by one thread at a time.

    Args:
        store: where the records are.
        advances: by kind id, the step that brings a record on.
        context: makes the context for a record (the service acting in the record's scope).
        threads: how many records advance at once; steps may block on I/O.
    """

    def __init__(
        self,
        store: Store,
        advances: Mapping[str, Advance],
        context: Callable[[Record], Context],
        *,
        threads: int = 8,
    ) -> None:
        self._store = store
        self._advances = advances
        self._context = context
        self._changed = threading.Condition()
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._order = itertools.count()
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._is_stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"reconcile-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        """Take up every open record and begin."""
        for key in self._store.open_keys():
            self.wake(key)
        for thread in self._threads:
            thread.start()

    def wake(self, key: Key, *, after_s: float = 0) -> None:
        """Advance a record after `after_s` seconds, or earlier if it is due earlier. Safe from any thread."""
        if key.kind not in self._advances:
            return
        due = time.monotonic() + after_s
        with self._changed:
            if self._due.get(key, float("inf")) <= due:
                return
            self._due[key] = due
            heapq.heappush(self._heap, (due, next(self._order), key))
            self._changed.notify()

    def stop(self) -> None:
        """Let running steps end, begin no more."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=10)

    def forget(self) -> None:
        """Drop everything that is due; for a store that was wiped."""
        with self._changed:
            self._due.clear()
            self._heap.clear()
            self._failures.clear()

    def _work(self) -> None:
        while (key := self._next()) is not None:
            try:
                pause_s = self._advance(key)
            finally:
                with self._changed:
                    self._running.discard(key)
                    self._changed.notify_all()
            if pause_s is not None:
                self.wake(key, after_s=pause_s)

    def _next(self) -> Key | None:
        """The next record that is due and that no other thread has; None when stopping."""
        with self._changed:
            while not self._is_stopping:
                waited: list[tuple[float, int, Key]] = []
                found: Key | None = None
                pause_s: float | None = None
                while self._heap and found is None:
                    entry = heapq.heappop(self._heap)
                    due, _, key = entry
                    if self._due.get(key) != due:
                        continue
                    if due > time.monotonic():
                        heapq.heappush(self._heap, entry)
                        pause_s = due - time.monotonic()
                        break
                    if key in self._running:
                        waited.append(entry)
                        continue
                    found = key
                for entry in waited:
                    heapq.heappush(self._heap, entry)
                if found is not None:
                    del self._due[found]
                    self._running.add(found)
                    return found
                self._changed.wait(pause_s)
        return None

    def _advance(self, key: Key) -> float | None:
        try:
            record = self._store.get(key)
            if record is None or not record.is_open:
                self._failures.pop(key, None)
                return None
            pause_s = self._advances[key.kind](self._context(record), record)
        except Exception:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            _log.exception("advancing %s %s failed (%d times)", key.kind, key.name, failures)
            return min(_FIRST_PAUSE_S * 2 ** (failures - 1), _LONGEST_PAUSE_S)
        self._failures.pop(key, None)
        return pause_s
