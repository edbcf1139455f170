"""The one process of a server that speaks with Ray.

    python -m sagesse.engines.jobs.ray.driver --address auto --home HOME --channel FD

It reads requests as lines of JSON from the channel and answers each; it says there also which runs have ended. It keeps
nothing: when it or the server is killed, the next one finds the runs by their folders and their actors by name.
It ends when the other end of the channel is closed.
"""

import argparse
import asyncio
import contextlib
import fcntl
import logging
import os
import socket
from pathlib import Path

import msgspec

from sagesse.engines.jobs.ray.cluster import Cluster
from sagesse.engines.jobs.ray.following import Following
from sagesse.engines.jobs.ray.home import Home
from sagesse.engines.jobs.ray.message import Answer, Ended, Ready, Request
from sagesse.engines.jobs.ray.mirror import Mirror
from sagesse.engines.jobs.ray.placement import place_of
from sagesse.engines.jobs.run_folders import RunFolders
from sagesse.runtime.plan import Plan

_logger = logging.getLogger(__name__)


def main() -> None:
    """Join the cluster, take up the runs that are open, then serve until the server is gone."""
    parser = argparse.ArgumentParser()
    for name in ("--address", "--home"):
        parser.add_argument(name, required=True)
    parser.add_argument("--channel", type=int, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    home = msgspec.json.decode(options.home, type=Home)
    channel = socket.socket(fileno=options.channel)
    lock = os.open(Path(home.root) / "driver.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # a driver whose server was killed is about to end
    os.ftruncate(lock, 0)
    os.write(lock, b"%d\n" % os.getpid())
    try:
        cluster = Cluster(options.address, home)
    except Exception as error:
        channel.sendall(msgspec.json.encode(Ready(str(error))) + b"\n")
        return
    asyncio.run(_Driver(home, cluster).serve(channel))


class _Driver:
    def __init__(self, home: Home, cluster: Cluster) -> None:
        self._home = home
        self._cluster = cluster
        self._folders = RunFolders(Path(home.root) / "runs")
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    async def serve(self, channel: socket.socket) -> None:
        reader, self._writer = await asyncio.open_connection(sock=channel)
        await self._adopt()
        self._tell(Ready())
        while line := await reader.readline():
            request = msgspec.json.decode(line, type=Request)
            task = asyncio.create_task(self._answer(request))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _adopt(self) -> None:
        """Follow what is open, and end the actors of runs that are over."""
        for run_id in self._folders.ids():
            self._ensure(run_id)
        strays = [run_id for run_id in self._cluster.hosts() if run_id not in self._followed]
        for run_id in strays:
            self._kill(run_id)
        used = {self._group(run_id) for run_id in self._followed}
        for group in {self._group(run_id) for run_id in strays} - used:
            self._cluster.free(group)

    async def _answer(self, request: Request) -> None:
        error = ""
        try:
            match request.do:
                case "ensure":
                    self._ensure(request.run_id)
                case "stop":
                    await self._stop(request.run_id)
                case "discard":
                    await self._discard(request.run_id)
        except Exception as failure:
            _logger.exception("%s of run %s failed", request.do, request.run_id)
            error = str(failure) or repr(failure)
        self._tell(Answer(request.id, error))

    def _mirror(self, run_id: str) -> Mirror:
        return Mirror(self._folders.path(run_id))

    def _ensure(self, run_id: str) -> None:
        following = self._following(run_id)
        if following is None or run_id in self._followed or self._mirror(run_id).is_over:
            return
        task = asyncio.create_task(following.run())
        self._followed[run_id] = task
        task.add_done_callback(lambda task: self._note_end(run_id, task))

    def _group(self, run_id: str) -> str:
        """Of a run; that of one whose folder is gone was its own, as far as we know."""
        plan = self._mirror(run_id).plan()
        return place_of(plan).group if plan else run_id

    def _following(self, run_id: str) -> Following | None:
        mirror = self._mirror(run_id)
        plan = mirror.plan()
        return plan and Following(run_id, plan, mirror, self._cluster, self._home)

    def _note_end(self, run_id: str, task: asyncio.Task[None]) -> None:
        del self._followed[run_id]
        plan = self._mirror(run_id).plan()
        if plan is not None and not task.cancelled():  # else the run goes on: this driver ends
            self._free(plan)

    def _free(self, plan: Plan) -> None:
        """Give a job's places back when the other hosts are over too, and say that this one is."""
        if self._followed.keys().isdisjoint(plan.peers):
            self._cluster.free(place_of(plan).group)
        self._tell(Ended(plan.run_id))

    async def _stop(self, run_id: str) -> None:
        mirror = self._mirror(run_id)
        plan = mirror.plan()
        if plan is None or mirror.is_over:
            return
        if not mirror.is_placed:
            mirror.forestall()
            await self._let_go(run_id)
            self._free(plan)
            return
        host = self._cluster.find(run_id)
        if host is not None:
            with contextlib.suppress(self._cluster.host_gone):  # its follower notes that it is lost
                await host.stop.remote()

    async def _discard(self, run_id: str) -> None:
        mirror = self._mirror(run_id)
        plan, following = mirror.plan(), self._following(run_id)
        if plan is None or following is None:
            return
        await self._let_go(run_id)
        host = self._cluster.find(run_id)
        if host is not None and mirror.is_placed:
            with contextlib.suppress(self._cluster.host_gone):
                await host.discard.remote()
        await following.end()
        self._free(plan)

    async def _let_go(self, run_id: str) -> None:
        """Stop following, and end the actor of a run that has not been placed."""
        if task := self._followed.get(run_id):
            task.cancel()
            await asyncio.wait([task])
        if not self._mirror(run_id).is_placed:
            self._kill(run_id)

    def _kill(self, run_id: str) -> None:
        host = self._cluster.find(run_id)
        if host is not None:
            self._cluster.kill(host)

    def _tell(self, message: Ready | Answer | Ended) -> None:
        self._writer.write(msgspec.json.encode(message) + b"\n")


if __name__ == "__main__":
    main()
