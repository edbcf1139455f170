"""The network of a job that is cut off: one loopback interface, shared by the runs of all its hosts.

A network belongs to the user namespace it was made in. So the first run of a job makes both, and each further one
joins both through the live supervisor of a run that is in them already. When all have ended the network is gone.
"""

import fcntl
import os
import socket
import struct
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sagesse.runtime import linux, run_folder

_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_JOINED, _LOCK = "network", "network.lock"


def enter_network(run: Path, peers: Sequence[Path]) -> None:
    """Move this process into a user namespace, and into the network there that it has with the runs in `peers`.

    Call it from the run's supervisor, when the run is claimed; `run` and `peers` are the run folders,
    which are there already.
    """
    if not peers:
        _make_network()
        return
    with _turn(min(run, *peers)):
        if not any(_join(peer) for peer in peers):
            _make_network()
        (run / _JOINED).touch()


def _make_network() -> None:
    linux.enter_user_namespace(linux.NEW_NET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", _IFF_UP))


@contextmanager
def _turn(folder: Path) -> Generator[None]:
    """One supervisor of the job at a time."""
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _join(peer: Path) -> bool:
    """Join the namespaces of a peer's supervisor; False when it is not in them, or not any more."""
    pid = run_folder.holder(peer) if (peer / _JOINED).exists() else None
    if pid is None:
        return False
    held: list[int] = []
    try:
        for name in ("user", "net"):
            held.append(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC))
        if run_folder.holder(peer) != pid:  # the number may have passed on to another process before
            return False
        for namespace in held:
            linux.join(namespace)
    except (FileNotFoundError, ProcessLookupError):
        return False
    finally:
        for namespace in held:
            os.close(namespace)
    return True
