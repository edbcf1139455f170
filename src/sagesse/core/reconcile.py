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
_Entry = tuple[float, int, Key]  # when it is due (monotonic seconds), the order of the calls, what
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
        guard = threading.Lock()
        self._first = threading.Condition(guard)
        """Where one thread waits for the first entry to become due."""
        self._spare = threading.Condition(guard)
        """Where the other threads wait that have nothing to do."""
        self._is_watched = False
        self._due: dict[Key, _Entry] = {}
        self._heap: list[_Entry] = []
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
        with self._first:
            self._plan(key, after_s)

    def stop(self) -> None:
        """Let running steps end, begin no more."""
        with self._first:
            self._is_stopping = True
            self._first.notify_all()
            self._spare.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=10)

    def forget(self) -> None:
        """Drop everything that is due; for a store that was wiped."""
        with self._first:
            self._due.clear()
            self._heap.clear()
            self._failures.clear()

    def _work(self) -> None:
        while (key := self._next()) is not None:
            pause_s: float | None = None
            try:
                pause_s = self._advance(key)
            finally:
                with self._first:
                    if pause_s is not None:
                        self._plan(key, pause_s)
                    self._running.discard(key)
                    if entry := self._due.get(key):
                        self._push(entry, is_for_us=entry[0] <= time.monotonic())

    # The guard is held

    def _plan(self, key: Key, after_s: float) -> None:
        entry = (time.monotonic() + after_s, next(self._order), key)
        if key in self._due and self._due[key][0] <= entry[0]:
            return
        self._due[key] = entry
        if key not in self._running:  # else the thread that has it will look
            self._push(entry)

    def _push(self, entry: _Entry, *, is_for_us: bool = False) -> None:
        """Have the entry looked after by one thread, which may be this one; the others sleep on."""
        heapq.heappush(self._heap, entry)
        if is_for_us:
            return
        if not self._is_watched:
            self._spare.notify()
        elif self._heap[0] is entry:
            self._first.notify()

    def _take_due(self) -> Key | None:
        """The first record that is due now, if any."""
        while self._heap and self._heap[0][0] <= time.monotonic():
            entry = heapq.heappop(self._heap)
            key = entry[2]
            if self._due.get(key) is entry:
                del self._due[key]
                self._running.add(key)
                return key
        return None

    # Without the guard

    def _next(self) -> Key | None:
        """The next record that is due and that no other thread has; None when stopping."""
        with self._first:
            while not self._is_stopping:
                if (key := self._take_due()) is not None:
                    if self._heap and not self._is_watched:
                        self._spare.notify()
                    return key
                if self._is_watched:
                    self._spare.wait()
                    continue
                self._is_watched = True
                self._first.wait(self._heap[0][0] - time.monotonic() if self._heap else None)
                self._is_watched = False
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
