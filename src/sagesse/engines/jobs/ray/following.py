"""One run on the cluster, followed by the driver from its placement to its end."""

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

import msgspec

from sagesse.engines.jobs.ray.cluster import Cluster
from sagesse.engines.jobs.ray.home import Home
from sagesse.engines.jobs.ray.mirror import Mirror
from sagesse.engines.jobs.ray.parcel import PIECE_BYTES
from sagesse.engines.jobs.ray.placement import Misfit, Place, fit, place_of
from sagesse.runtime.plan import Plan
from sagesse.runtime.run_folder import Outcome

_logger = logging.getLogger(__name__)
_AGAIN_S = 2.0
_TRIES = 3


class Following:
    """Every step may be repeated: by another driver, after this one was killed anywhere.

    Started once only: an actor's name is unique, and `Mirror.place` is noted before the actor is told to start.
    An actor that is gone after that is a lost run; before that, another one is made.
    """

    def __init__(self, run_id: str, plan: Plan, mirror: Mirror, cluster: Cluster, home: Home) -> None:
        self._run_id = run_id
        self._plan = plan
        self._mirror = mirror
        self._cluster = cluster
        self._home = home
        self._place: Place = place_of(plan)
        self._draft = Path(home.root) / f"{run_id}.parcel"

    async def run(self) -> None:
        """Return when the run is over, and its actor and its files on the node are gone."""
        tries = 0
        while not self._mirror.is_over:
            try:
                await self._follow()
            except self._cluster.host_unavailable:
                await asyncio.sleep(_AGAIN_S)
            except self._cluster.host_gone as error:
                tries += 1
                self._note_gone(error, is_last_try=tries >= _TRIES)
                await asyncio.sleep(0 if self._mirror.is_over else _AGAIN_S)
            except Misfit as misfit:
                self._mirror.end(Outcome(reason="setup", ended=time.time(), message=str(misfit)))
            except Exception:
                _logger.exception("run %s is tried again", self._run_id)
                await asyncio.sleep(_AGAIN_S)
        await self.end()

    async def end(self) -> None:
        """End the actor, and the run if it still runs; remove what is on the node."""
        host = self._cluster.find(self._run_id)
        if host is not None:
            if self._mirror.is_placed:
                await self._clean(host)
            self._cluster.kill(host)
        self._draft.unlink(missing_ok=True)

    async def _clean(self, host: Any) -> None:
        try:
            await asyncio.wait_for(host.clean.remote(), _AGAIN_S * 10)
        except (self._cluster.host_gone, TimeoutError):
            return

    async def _follow(self) -> None:
        host = await self._start()
        is_over = False
        while not is_over:
            news = await host.news.remote(self._mirror.log_bytes)
            if news.parcel_bytes:
                await self._fetch(host, news.parcel_bytes)
                await asyncio.to_thread(self._mirror.take, self._draft, news.removed)
                await host.fetched.remote()
            self._mirror.note(news)
            is_over = news.is_last
            if is_over and news.state == "lost":
                self._mirror.lose()

    async def _start(self) -> Any:
        host = self._cluster.find(self._run_id)
        if host is None and self._mirror.is_placed:
            raise self._cluster.host_gone
        host = host or self._cluster.create(self._run_id, self._place)
        shares_files = await host.shares_files.remote()  # it answers when it is placed
        addresses = await self._cluster.addresses(self._place)
        plan = fit(self._plan, addresses, shares_files=shares_files)
        if not shares_files and not self._mirror.is_placed:
            await self._send(host, plan)
        self._mirror.place()
        await host.start.remote(msgspec.json.encode(plan))
        return host

    async def _send(self, host: Any, plan: Plan) -> None:
        await asyncio.to_thread(self._mirror.pack, plan, self._home.shown, self._draft)
        with self._draft.open("rb") as archive:
            offset = 0
            while piece := archive.read(PIECE_BYTES):
                await host.put.remote(offset, piece)
                offset += len(piece)

    async def _fetch(self, host: Any, size: int) -> None:
        with self._draft.open("wb") as archive:
            while archive.tell() < size:
                archive.write(await host.get.remote(archive.tell()))

    def _note_gone(self, error: Exception, *, is_last_try: bool) -> None:
        if self._mirror.is_placed:
            self._mirror.lose()
        elif is_last_try:
            message = f"no node of the Ray cluster could take the run: {error}"
            self._mirror.end(Outcome(reason="setup", ended=time.time(), message=message))
