"""The actor of one run: it lives on the node where the run does, and starts, watches and ends it there."""

import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from sagesse.engines.jobs.base import JobEngineError, State
from sagesse.engines.jobs.local import LocalJobs
from sagesse.engines.jobs.log import read_log
from sagesse.engines.jobs.ray import parcel
from sagesse.engines.jobs.ray.home import OUTCOME_FILES, Home
from sagesse.runtime.plan import Plan

_PATIENCE_S = 1.0
_LOG_S = 0.2  # how long a line of a run elsewhere may wait
_FILES_S = 5.0  # how often its files are looked at


class News(NamedTuple):
    """What is new about a run. All but the state is empty where the node sees the server's files.

    Attributes:
        log: bytes of the log from where the asker has got to.
        files: what the run's status files hold now, by name.
        parcel_bytes: size of an archive of changed files that is ready to be fetched; 0: none is.
        removed: files that are gone; they belong to the archive.
    """

    state: State
    log: bytes = b""
    files: dict[str, bytes] = {}  # noqa: RUF012 - never changed
    parcel_bytes: int = 0
    removed: tuple[str, ...] = ()

    @property
    def is_last(self) -> bool:
        """Whether there is nothing more to come."""
        return self.state in {"exited", "lost"} and not (self.log or self.parcel_bytes or self.removed)


class RunHost:
    """One run on this node. Methods may be called at the same time, and again.

    The run does not outlive this process: the supervisor has it as its keeper.
    """

    def __init__(self, run_id: str, home: Home) -> None:
        self._run_id = run_id
        self._home = home
        self._is_shared = home.is_here
        root = Path(home.root if self._is_shared else f"{home.node_root}/{home.id}").expanduser()
        root.mkdir(parents=True, exist_ok=True)
        hidden, shown = (home.hidden, home.shown) if self._is_shared else ((str(root),), ())
        self._jobs = LocalJobs(root, hidden=[*map(Path, hidden)], shown=[*map(Path, shown)])
        self._in, self._out = (root / f"{run_id}.{way}" for way in ("in", "out"))
        self._tops: list[str] = []
        self._seen: parcel.Seen = {}
        self._packed: parcel.Seen | None = None
        self._removed: tuple[str, ...] = ()
        self._look_at = 0.0

    def shares_files(self) -> bool:
        """Whether this node sees the server's files; answered as soon as the actor is placed."""
        return self._is_shared

    def put(self, offset: int, piece: bytes) -> None:
        """Take a piece of the archive that holds the run's files."""
        with self._in.open("r+b" if offset else "wb") as archive:
            archive.seek(offset)
            archive.write(piece)

    def start(self, encoded: bytes) -> None:
        """Start the run, once.

        Raises:
            JobEngineError: it could not be started.
        """
        plan = msgspec.json.decode(encoded, type=Plan)
        if not self._is_shared:
            plan = self._lay_out(plan)
        self._jobs.ensure(msgspec.structs.replace(plan, keeper=os.getpid()))

    def news(self, have: int) -> News:
        """What happened; waits a moment when nothing did.

        Args:
            have: so many bytes of the log are with the asker already.
        """
        if self._is_shared:
            return News(self._jobs.wait(self._run_id, _PATIENCE_S).state)
        run = self._jobs.wait(self._run_id, _LOG_S)
        files = {
            name: path.read_bytes() for name in OUTCOME_FILES if (path := run.log.with_name(name)).exists()
        }
        self._pack(is_over=run.is_final)
        size = self._out.stat().st_size if self._packed is not None else 0
        return News(run.state, _from(run.log, have), files, size, self._removed)

    def get(self, offset: int) -> bytes:
        """A piece of the archive of changed files."""
        with self._out.open("rb") as archive:
            archive.seek(offset)
            return archive.read(parcel.PIECE_BYTES)

    def fetched(self) -> None:
        """The archive has arrived: the next one has only what changed since."""
        if self._packed is not None:
            self._seen, self._packed, self._removed = self._packed, None, ()

    def stop(self) -> None:
        """See `JobEngine.stop`."""
        self._jobs.stop(self._run_id)

    def discard(self) -> None:
        """See `JobEngine.discard`."""
        with contextlib.suppress(JobEngineError):
            self._jobs.discard(self._run_id)
        for archive in (self._in, self._out):
            archive.unlink(missing_ok=True)

    def clean(self) -> None:
        """Remove the run from a node that does not see the server's files; there they stay."""
        if not self._is_shared:
            self.discard()

    def _lay_out(self, plan: Plan) -> Plan:
        """Unpack the run's files, unless it was started already; the files it is shown have come with them."""
        folder = self._jobs.folder(self._run_id)
        self._tops = list(plan.mounts.values())
        if self._in.exists():
            parcel.unpack(self._in, folder)
            self._in.unlink()
            self._seen = parcel.scan(folder, self._tops)
        shown = {path: f"shown/{number}" for number, path in enumerate(self._home.shown)}
        return msgspec.structs.replace(plan, mounts={**plan.mounts, **shown})

    def _pack(self, *, is_over: bool) -> None:
        """Have an archive of what changed, if anything did and it is time to look."""
        if self._packed is not None or not (is_over or time.monotonic() >= self._look_at):
            return
        self._look_at = time.monotonic() + _FILES_S
        folder = self._jobs.folder(self._run_id)
        now = parcel.scan(folder, self._tops)
        changed = [name for name, facts in now.items() if self._seen.get(name) != facts]
        removed = tuple(self._seen.keys() - now.keys())
        if not changed and not removed:
            return
        try:
            parcel.pack(folder, changed, self._out)
        except OSError:
            if is_over:
                raise
            return  # it is being written: the next time
        self._packed, self._removed = now, removed


def _from(log: Path, offset: int) -> bytes:
    """The complete lines of the log behind `offset`, 1 MiB or so."""
    _, end = read_log(log, offset)
    if end == offset:
        return b""
    with log.open("rb") as file:
        file.seek(offset)
        return file.read(end - offset)
