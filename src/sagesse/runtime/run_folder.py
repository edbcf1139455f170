"""The files of one run, and the marker that lets it start once only.

A run's folder holds ``plan.json`` (the wish), ``started`` (claimed once; locked by its supervisor for life),
``status.json`` (the job's process exists), ``output.log``, ``stop`` (someone asked), ``exit.json`` (the end).
Every file but the log appears whole or not at all.
"""

import fcntl
import os
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import msgspec

Reason = Literal["exit", "stopped", "max_runtime", "oom", "setup", "data"]

PLAN, STARTED, STATUS, EXIT, STOP, LOG = (
    "plan.json",
    "started",
    "status.json",
    "exit.json",
    "stop",
    "output.log",
)

T = TypeVar("T", bound=msgspec.Struct)


class Status(msgspec.Struct, frozen=True):
    """The job's process runs. `started` is epoch seconds; `level` is the isolation it got."""

    started: float
    level: int


class Outcome(msgspec.Struct, frozen=True):
    """How a run ended.

    Attributes:
        exit_code: of the job; 128 + signal when a signal ended it; None when it never started.
        reason: ``exit`` by itself; ``setup`` when the job could not be started, ``data`` when a pipe of it could not be
            filled (see `message`).
        ended: epoch seconds.
    """

    reason: Reason
    ended: float
    exit_code: int | None = None
    signal: int | None = None
    started: float | None = None
    level: int = 0
    message: str = ""


class Claim(NamedTuple):
    """The right to run: an open file whose lock lasts as long as its holder lives."""

    lock: int

    def release(self) -> None:
        """Let go of the lock; the marker stays."""
        os.close(self.lock)


def claim(folder: Path) -> Claim | None:
    """Take the one right to start the run in `folder`; None when it was taken before, by anyone, ever.

    The marker appears already locked and with our process id in it, so a reader never sees it half made.
    """
    draft = _draft(folder / STARTED)
    lock = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(lock, b"%d\n" % os.getpid())
    try:
        os.link(draft, folder / STARTED)
    except FileExistsError:
        os.close(lock)
        return None
    finally:
        os.unlink(draft)
    return Claim(lock)


def holder(folder: Path) -> int | None:
    """Process id of the live holder of the claim; None when nobody holds it (any more)."""
    try:
        marker = os.open(folder / STARTED, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(marker, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.read(marker, 32))
    finally:
        os.close(marker)
    return None


def write(path: Path, value: msgspec.Struct, *, durable: bool = False) -> None:
    """Write `value` as JSON so that `path` is the old or the new file whole; `durable` waits for the disk."""
    draft = _draft(path)
    with draft.open("wb") as file:
        file.write(msgspec.json.encode(value))
        if durable:
            file.flush()
            os.fsync(file.fileno())
    draft.replace(path)


def read(path: Path, kind: type[T]) -> T | None:
    """The value in `path`, or None when there is no such file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    return msgspec.json.decode(content, type=kind)


def _draft(path: Path) -> Path:
    """A name beside `path` that nobody else has."""
    return path.with_name(f"{path.name}.{os.urandom(16).hex()}")
