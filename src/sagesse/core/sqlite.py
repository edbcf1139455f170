"""One SQLite file: many readers, one writer at a time, group commit.

Reads run on a connection per thread. Writes are functions that wait in one queue; whoever holds the right to write
takes all that are waiting into one transaction, commits once (one fsync for the whole group) and only then answers: a
write that returned is on disk. That is done where the work is: by the thread that brought a write, by the event loop
at the end of its tick while commits are quick on this disk, by a thread in its place where they are not.
See docs/decisions/0010-commit-where-the-work-is.md.
"""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from sagesse.core import fault

T = TypeVar("T")

_GROUP_SIZE = 256
_LOOP_GROUP_SIZE = 32  # larger ones are not for the event loop
_QUICK_S = 1e-3  # of a commit: nobody on the event loop waits longer for somebody else's
_CHECKPOINT_COMMITS = 128
_MOST_PAGES = 4000  # in the log, whatever a commit had in it: then the writer checkpoints itself


class _Job(Generic[T]):
    """One write: what it does, and what came of it."""

    __slots__ = ("failure", "future", "is_done", "settled", "value", "work")

    def __init__(
        self,
        work: Callable[[sqlite3.Connection], T],
        settled: Callable[[bool], object] | None = None,
        future: "asyncio.Future[T] | None" = None,
    ) -> None:
        self.work = work
        self.settled = settled
        self.future = future
        self.is_done = False
        self.value: T | None = None
        self.failure: BaseException | None = None

    def attempt(self, connection: sqlite3.Connection) -> None:
        try:
            self.value = self.work(connection)
        except Exception as error:  # whatever the job raises is the caller's to handle
            self.failure = error

    def deliver(self) -> None:
        """Answer who awaits it, if he still does; on his event loop."""
        future = self.future
        if future is None or future.done():
            return
        if self.failure is not None:
            future.set_exception(self.failure)
        else:
            future.set_result(cast("T", self.value))


class Database:
    """A SQLite database in WAL mode.

    Attributes:
        generation: grows with every commit, before its writers hear of it: what was read while it was the same number
            is still so.

    Args:
        path: the file; its folder must exist.
        schema: statements run at opening, each idempotent (``CREATE ... IF NOT EXISTS``).
        durable: False skips fsync, for stores that live as long as the process (``--ephemeral``).
        log_bytes: the log's least size: a sync of a log that need not grow costs half. For files that no other
            process opens.
    """

    def __init__(
        self, path: Path, schema: Iterable[str], *, durable: bool = True, log_bytes: int = 0
    ) -> None:
        self._path = path
        self._synchronous = "FULL" if durable else "OFF"
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_guard = threading.Lock()
        self._waiting: deque[_Job[Any]] = deque()
        self._right_to_write = threading.Lock()
        self._flushing: asyncio.AbstractEventLoop | None = None
        self._usual_s = 2 * _QUICK_S  # the running median of commits; a few have to prove the disk first
        self._commits = 0
        self.generation = 0
        self._watchers: list[Callable[[], None]] = []
        self._connection = self._connect()
        for statement in schema:
            self._connection.execute(statement)
        if durable and log_bytes:
            self._connection.close()  # what the log holds goes into the file, and the log with it
            _make_log(path.with_name(f"{path.name}-wal"), log_bytes)
            self._connection = self._connect()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"sqlite-{path.stem}")

    @property
    def reader(self) -> sqlite3.Connection:
        """This thread's read connection; it sees every committed write."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only=1")
            self._local.connection = connection
            with self._readers_guard:
                self._readers.append(connection)
        return connection

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction and wait until it is on disk. Not for the event loop's thread.

        It runs once, atomically; an exception it raises undoes only its own changes.
        """
        job = _Job(work)
        self._waiting.append(job)
        while not job.is_done:
            with self._right_to_write:
                if not job.is_done:
                    self._commit_group()
        if job.failure is not None:
            raise job.failure
        return cast("T", job.value)

    async def write_async(
        self, work: Callable[[sqlite3.Connection], T], *, settled: Callable[[bool], object] | None = None
    ) -> T:
        """As `write`, for the event loop. It happens even when the caller is cancelled meanwhile.

        `settled` hears whether it is on disk before the caller does, in whatever thread commits.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Job(work, settled, future))
        if self._flushing is not loop:
            self._flushing = loop
            loop.call_soon(self._flush, loop)
        return await future

    def watch(self, settled: Callable[[], None]) -> None:
        """Have `settled` called after each group of writes, by whoever commits, before the next group.

        It must be quick and never raise.
        """
        self._watchers.append(settled)

    def close(self) -> None:
        """Finish what is waiting and close every connection."""
        self._thread.submit(self._commit_waiting)
        self._thread.shutdown()
        self._connection.close()
        with self._readers_guard:
            for connection in self._readers:
                connection.close()
            self._readers.clear()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=30
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        connection.execute("PRAGMA mmap_size=268435456")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute(f"PRAGMA wal_autocheckpoint={_MOST_PAGES}")
        connection.row_factory = sqlite3.Row
        return connection

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit what waits at the end of the loop's tick, or have the thread do it."""
        self._flushing = None
        if not self._waiting:
            return
        is_small = len(self._waiting) <= _LOOP_GROUP_SIZE and self._usual_s < _QUICK_S
        if is_small and self._right_to_write.acquire(blocking=False):
            try:
                self._commit_group(loop)
            finally:
                self._right_to_write.release()
        else:
            self._thread.submit(self._commit_waiting)

    def _commit_waiting(self) -> None:
        while self._waiting:
            with self._right_to_write:
                self._commit_group()

    def _commit_group(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Commit what waits; for who has the right to write. `loop` is the caller's own, if it is one."""
        group: list[_Job[Any]] = []
        while self._waiting and len(group) < _GROUP_SIZE:
            group.append(self._waiting.popleft())
        if not group:
            return
        try:
            took_s = _commit(self._connection, group, self._path)
            if took_s is not None:
                self._usual_s *= 1.1 if took_s > self._usual_s else 0.9
                self.generation += 1
        finally:
            _answer(group, loop)
        for settled in self._watchers:
            settled()
        self._commits += 1
        if self._commits % _CHECKPOINT_COMMITS == 0:
            with contextlib.suppress(RuntimeError):  # while closing: that moves the log anyway
                self._thread.submit(self._checkpoint)

    def _checkpoint(self) -> None:
        """Move the log into the file beside the writes; the rest while none runs, so that the log starts again."""
        # On a full or broken disk the next one, or the writer, tries again.
        with contextlib.suppress(sqlite3.Error):
            self.reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            with self._right_to_write:
                self.reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def _make_log(path: Path, size_bytes: int) -> None:
    """A log of zeros, in which SQLite finds nothing and which it writes over."""
    with contextlib.suppress(OSError), path.open("ab") as file:  # on a full disk it grows as it is written
        file.write(bytes(max(0, size_bytes - file.tell())))


def _commit(connection: sqlite3.Connection, group: list[_Job[Any]], path: Path) -> float | None:
    """Run the jobs in one transaction; one alone needs no savepoint.

    Returns:
        Seconds the commit itself took, most of which is the sync; None if there was none.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        for job in group:
            if len(group) == 1:
                job.attempt(connection)
            else:
                _attempt_apart(connection, job)
            if job.failure is not None and not connection.in_transaction:
                raise job.failure  # a full or failing disk ends the transaction of all
        if len(group) == 1 and group[0].failure is not None:
            connection.execute("ROLLBACK")
            return None
        began = time.perf_counter()
        connection.execute("COMMIT")
        return time.perf_counter() - began
    except BaseException as error:
        fault.at(error, path)
        _roll_back(connection)
        for job in group:
            job.failure = error
        if not isinstance(error, Exception):
            raise
        return None


def _roll_back(connection: sqlite3.Connection) -> None:
    """End a transaction that failed; a failing disk must not end anything else with it."""
    if connection.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _attempt_apart(connection: sqlite3.Connection, job: _Job[Any]) -> None:
    connection.execute("SAVEPOINT job")
    job.attempt(connection)
    if job.failure is not None and connection.in_transaction:
        connection.execute("ROLLBACK TO job")
    if connection.in_transaction:
        connection.execute("RELEASE job")


def _answer(group: list[_Job[Any]], loop: asyncio.AbstractEventLoop | None) -> None:
    """Tell everybody what came of his write; `loop` is the one this runs on."""
    elsewhere: dict[asyncio.AbstractEventLoop, list[_Job[Any]]] = {}
    for job in group:
        if job.settled is not None:
            job.settled(job.failure is None)
        job.is_done = True
        if job.future is None:
            continue
        home = job.future.get_loop()
        if home is loop:
            job.deliver()
        else:
            elsewhere.setdefault(home, []).append(job)
    for home, jobs in elsewhere.items():
        with contextlib.suppress(RuntimeError):  # closed since: nobody waits any more
            home.call_soon_threadsafe(_deliver, jobs)


def _deliver(jobs: list[_Job[Any]]) -> None:
    for job in jobs:
        job.deliver()
