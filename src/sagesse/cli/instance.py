"""The one server of a data directory: a lock that says who it is, a file that says where it answers.

``<data>/run/lock`` is locked by the server for as long as it lives, and the kernel tells whose lock it is: no
stale process id can be mistaken for a server. ``<data>/run/server.json`` (its owner's eyes only) is written when it
is healthy.
"""

import contextlib
import fcntl
import os
import select
import shlex
import signal
import struct
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

import msgspec

from sagesse.cli.failure import CommandFailed, Exit
from sagesse.config import Settings

_LOCK, _FACTS = "lock", "server.json"
_FLOCK = "hhqqi0q"  # struct flock of 64-bit Linux


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a healthy server tells about itself; the secret key among it."""

    url: str
    port: int
    pid: int
    access_key_id: str
    secret_access_key: str
    region: str
    account: str
    data_dir: str
    ephemeral: bool
    started: float
    certificate: str
    bundle: str


class Instance(NamedTuple):
    """A live server; without `facts` it is still starting (or is about to end)."""

    pid: int
    facts: Facts | None


class Occupied(Exception):  # noqa: N818 - reads as the fact it states
    """Another server has this data directory."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(f"a server with process id {instance.pid} has this data directory")
        self.instance = instance


@contextlib.contextmanager
def hold(folder: Path) -> Generator[None]:
    """Be the server of a data directory, until the end of the block or of this process.

    Raises:
        Occupied: another process is.
    """
    run = _run(folder)
    lock = os.open(run / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        os.close(lock)
        raise Occupied(find(folder) or Instance(0, None)) from None
    (run / _FACTS).unlink(missing_ok=True)
    try:
        yield
        (run / _FACTS).unlink(missing_ok=True)
    finally:
        os.close(lock)


def publish(folder: Path, facts: Facts) -> None:
    """Tell others where the server of the data directory answers; only its holder may."""
    run = _run(folder)
    draft = run / f"{_FACTS}.new"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.encode(facts))
    draft.replace(run / _FACTS)


def find(folder: Path) -> Instance | None:
    """The live server of a data directory."""
    pid = _holder(folder)
    if pid is None:
        return None
    facts = last(folder)
    return Instance(pid, facts if facts is not None and facts.pid == pid else None)


def last(folder: Path) -> Facts | None:
    """What the server told that has, or had until it was killed, this data directory."""
    try:
        return msgspec.json.decode((folder / "run" / _FACTS).read_bytes(), type=Facts)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return None


def running(folder: Path) -> Facts:
    """The healthy server of a data directory.

    Raises:
        CommandFailed: there is none.
    """
    instance = find(folder)
    if instance is None:
        raise CommandFailed(
            f"no server has {folder}",
            fix="Start one with `sagesse up --detach`, or name its --data-dir.",
            code=Exit.NOT_RUNNING,
        )
    if instance.facts is None:
        raise CommandFailed(
            f"the server with process id {instance.pid} is not healthy yet",
            fix="Try again in a moment.",
            code=Exit.NOT_RUNNING,
        )
    return instance.facts


def env_command(data_dir: str) -> str:
    """What to type for the environment of the server that has `data_dir`, told only where it is not the usual one."""
    usual = Path(os.environ.get("SAGESSE_DATA_DIR", Settings().data_dir)).expanduser().resolve()
    named = "" if Path(data_dir) == usual else f" --data-dir {shlex.quote(data_dir)}"
    return f'eval "$(sagesse env{named})"'


def end(folder: Path, instance: Instance, *, grace_s: float) -> bool:
    """End a server with SIGTERM, after `grace_s` with SIGKILL; whether it ended by itself.

    Raises:
        PermissionError: it belongs to another user.
    """
    try:
        process = os.pidfd_open(instance.pid)
    except ProcessLookupError:
        return True
    try:
        if _holder(folder) != instance.pid:  # it ended before, and its number may be another's now
            return True
        signal.pidfd_send_signal(process, signal.SIGTERM)
        if _has_ended(process, grace_s):
            return True
        signal.pidfd_send_signal(process, signal.SIGKILL)
        _has_ended(process, grace_s)
        return False
    except ProcessLookupError:
        return True
    finally:
        os.close(process)


def _run(folder: Path) -> Path:
    run = folder / "run"
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    return run


def _holder(folder: Path) -> int | None:
    """The process that holds the lock; asking takes no lock, so it disturbs nobody."""
    try:
        lock = os.open(folder / "run" / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(lock, fcntl.F_GETLK, question))
    finally:
        os.close(lock)
    return None if kind == fcntl.F_UNLCK else pid


def _has_ended(process: int, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))
