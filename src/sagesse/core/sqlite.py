"""One SQLite file: many readers, one writer with group commit.

Reads run on a connection per thread. Writes are functions queued to one writer thread, which runs as many as
are waiting inside one transaction, each under its own savepoint, commits once (one fsync for the whole group)
and only then answers: a write that returned is on disk.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from sagesse.core import fault

T = TypeVar("T")
_Job = tuple[Callable[[sqlite3.Connection], Any], "Future[Any]"]

_GROUP_SIZE = 256


class Database:
    """A SQLite database in WAL mode.

    Attributes:
        generation: grows with every commit, before its writers hear of it: what was read while it was the same number
            is still so.

    Args:
        path: the file; its folder must exist.
        schema: statements run at opening, each idempotent (``CREATE ... IF NOT EXISTS``).
        durable: False skips fsync, for stores that live as long as the process (``--ephemeral``).
    """

    def __init__(self, path: Path, schema: Iterable[str], *, durable: bool = True) -> None:
        self._path = path
        self._synchronous = "FULL" if durable else "OFF"
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self.generation = 0
        self._watchers: list[Callable[[], None]] = []
        self._writer_connection = self._connect()
        for statement in schema:
            self._writer_connection.execute(statement)
        self._writer = threading.Thread(target=self._write_forever, name=f"sqlite-{path.stem}", daemon=True)
        self._writer.start()

    @property
    def reader(self) -> sqlite3.Connection:
        """This thread's read connection; it sees every committed write."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only=1")
            self._local.connection = connection
            with self._guard:
                self._readers.append(connection)
        return connection

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction and wait until it is on disk. Not for the event loop's thread.

        It runs once, atomically; an exception it raises undoes only its own changes.
        """
        return self.submit(work).result()

    async def write_async(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `write`, awaited."""
        return await asyncio.wrap_future(self.submit(work))

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        """Queue `work`; the future completes after the commit."""
        future: Future[T] = Future()
        self._queue.put((work, future))
        return future

    def watch(self, settled: Callable[[], None]) -> None:
        """Have `settled` called on the writer's thread after each group of writes; it must be quick and never raise."""
        self._watchers.append(settled)

    def close(self) -> None:
        """Finish what is queued and close every connection."""
        self._queue.put(None)
        self._writer.join()
        self._writer_connection.close()
        with self._guard:
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
        connection.row_factory = sqlite3.Row
        return connection

    def _write_forever(self) -> None:
        stopping = False
        while not stopping:
            job = self._queue.get()
            group: list[_Job] = []
            while job is not None:
                group.append(job)
                if len(group) == _GROUP_SIZE or self._queue.empty():
                    break
                job = self._queue.get()
            stopping = job is None
            if group:
                self._commit(group)

    def _commit(self, group: list[_Job]) -> None:
        connection = self._writer_connection
        # Whoever cancelled before its turn has written nothing; from here on a write cannot be cancelled.
        group = [job for job in group if job[1].set_running_or_notify_cancel()]
        outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for work, future in group:
                outcomes.append((future, *_attempt(connection, work)))
            connection.execute("COMMIT")
            self.generation += 1
        except Exception as error:  # the writer lives on, whatever ended the transaction
            fault.at(error, self._path)
            _roll_back(connection)
            outcomes = [(future, None, error) for _, future in group]
        for future, value, failure in outcomes:
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(value)
        for settled in self._watchers:
            settled()


def _roll_back(connection: sqlite3.Connection) -> None:
    """End a transaction that failed; a failing disk must not end the writer with it."""
    if connection.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _attempt(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]
) -> tuple[T | None, BaseException | None]:
    connection.execute("SAVEPOINT job")
    try:
        value = work(connection)
    except Exception as error:  # whatever the job raises is the caller's to handle
        if not connection.in_transaction:  # a full or failing disk ends the transaction of all
            raise
        connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")
        return None, error
    connection.execute("RELEASE job")
    return value, None
