"""Model servers as processes of this machine, kept alive through a job engine."""

import asyncio
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sagesse.engines.jobs.base import JobEngine
from sagesse.engines.serving.base import Answer, Invocation, ServerGone, ServerPlan, ServerState
from sagesse.engines.serving.server import Server, Surroundings, Timing

_SERVER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,180}")
_GONE = ServerState("gone")
_THREADS = 8


def _ignore_change(server_id: str) -> None:
    """Nobody wants to know."""


class LocalServing:
    """A `ServingEngine` of local processes. Servers outlive the platform and are found again by `ensure`.

    Args:
        jobs: runs the processes.
        root: one small folder per server.
        on_change: called with a server's id on the loop's thread whenever `look` would answer something else.
    """

    def __init__(
        self,
        jobs: JobEngine,
        root: Path,
        *,
        timing: Timing = Timing(),  # noqa: B008 - immutable
        on_change: Callable[[str], None] = _ignore_change,
    ) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="serving")
        self._around = Surroundings(jobs, root, self._threads, timing, self._changed, self._ended)
        self._on_change = on_change
        self._on_end: list[Callable[[str, str, Path], None]] = []
        self._root = root
        self._guard = threading.Lock()
        self._servers: dict[str, Server] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiters: list[asyncio.Future[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = 0

    async def open(self) -> None:
        """Begin on the running event loop, with the servers that were asked for already."""
        with self._guard:
            self._loop = asyncio.get_running_loop()
            servers = list(self._servers.values())
        for server in servers:
            self._spawn(server)

    async def close(self) -> None:
        """Let go of all servers; their processes live on."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers.values():
            if server.wire is not None:
                server.wire.close()
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)

    def watch(self, on_end: Callable[[str, str, Path], None]) -> None:
        """See `ServingEngine.watch`."""
        self._on_end.append(on_end)

    def ensure(self, server_id: str, plan: ServerPlan) -> ServerState:
        """See `ServingEngine.ensure`."""
        return self._take_up(server_id, plan).state

    def look(self, server_id: str) -> ServerState:
        """See `ServingEngine.look`."""
        server = self._servers.get(server_id)
        return _GONE if server is None else server.state

    def retire(self, server_id: str, *, drain: bool = True) -> bool:
        """See `ServingEngine.retire`."""
        if server_id not in self._servers and not (self._root / _checked(server_id)).exists():
            return True
        server = self._take_up(server_id, None)
        if self._loop is None:
            server.retire(drain=drain)
        else:
            self._loop.call_soon_threadsafe(lambda: server.retire(drain=drain))
        return False

    def wipe(self) -> None:
        """End every server at once; does not wait for it."""
        for server_id in list(self._servers):
            self.retire(server_id, drain=False)

    def pick(self, server_ids: Sequence[str]) -> str | None:
        """See `ServingEngine.pick`."""
        best, fewest = None, 1 << 30
        self._turn += 1
        for number in range(len(server_ids)):
            server = self._servers.get(server_ids[(number + self._turn) % len(server_ids)])
            if server is None or server.wire is None or server.state.phase != "healthy":
                continue
            if server.wire.under_way < fewest and not server.wire.lost.done():
                best, fewest = server.id, server.wire.under_way
        return best

    async def settle(self, server_ids: Sequence[str], timeout_s: float) -> bool:
        """See `ServingEngine.settle`."""
        deadline = time.monotonic() + timeout_s
        while self.pick(server_ids) is None:
            phases = {self.look(server_id).phase for server_id in server_ids}
            left_s = deadline - time.monotonic()
            if left_s <= 0 or phases <= {"failed", "gone"}:
                return False
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await asyncio.wait((waiter,), timeout=left_s)
            if not waiter.done():
                self._waiters.remove(waiter)
        return True

    async def invoke(self, server_id: str, invocation: Invocation) -> Answer:
        """See `ServingEngine.invoke`."""
        server = self._servers.get(server_id)
        if server is None or server.wire is None or server.state.phase != "healthy":
            raise ServerGone(f"model server {server_id} is {self.look(server_id).phase}")
        return await server.wire.invoke(invocation)

    def _take_up(self, server_id: str, plan: ServerPlan | None) -> Server:
        with self._guard:
            server = self._servers.get(server_id)
            if server is not None:
                return server
            server = self._servers[server_id] = Server(_checked(server_id), plan, self._around)
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._spawn, server)
        return server

    def _spawn(self, server: Server) -> None:
        task = asyncio.ensure_future(server.live())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ended(self, server_id: str, run_id: str, log: Path) -> None:
        for on_end in self._on_end:
            on_end(server_id, run_id, log)

    def _changed(self, server_id: str) -> None:
        with self._guard:
            server = self._servers.get(server_id)
            if server is not None and server.is_ended:
                del self._servers[server_id]
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._on_change(server_id)


def _checked(server_id: str) -> str:
    if not _SERVER_ID.fullmatch(server_id):
        raise ValueError(f"not a server id: {server_id!r}")
    return server_id
