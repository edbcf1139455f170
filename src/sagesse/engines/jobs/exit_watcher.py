"""One thread that sleeps until a watched process ends, then says which."""

import contextlib
import logging
import os
import select
import threading
from collections.abc import Callable

_logger = logging.getLogger(__name__)


class ExitWatcher:
    """Calls back once for each watched process when it ends; its thread starts with the first one."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._names: dict[int, str] = {}
        self._lock = threading.Lock()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll.register(self._wake, select.EPOLLIN)
        self._thread: threading.Thread | None = None
        self._listeners: list[Callable[[str], None]] = []

    def listen(self, on_exit: Callable[[str], None]) -> None:
        """Call `on_exit(name)` for each end from now on, beside the other listeners."""
        self._listeners.append(on_exit)

    def add(self, name: str, pidfd: int) -> None:
        """Watch the process behind `pidfd` (which is ours from now on); once per name at a time."""
        with self._lock:
            if name in self._names.values():
                os.close(pidfd)
                return
            self._names[pidfd] = name
            self._poll.register(pidfd, select.EPOLLIN)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="job-exits", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop watching; processes are left alone."""
        os.eventfd_write(self._wake, 1)
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            for pidfd in self._names:
                os.close(pidfd)
            self._names.clear()
        with contextlib.suppress(OSError):
            self._poll.close()
            os.close(self._wake)

    def _run(self) -> None:
        while True:
            for ended, _ in self._poll.poll():
                if ended == self._wake:
                    return
                self._tell(ended)

    def _tell(self, ended: int) -> None:
        with self._lock:
            name = self._names.pop(ended)
            self._poll.unregister(ended)
            os.close(ended)
        for on_exit in tuple(self._listeners):
            try:
                on_exit(name)
            except Exception:
                _logger.exception("the listener for the end of run %s failed", name)
