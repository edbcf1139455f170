"""The few Linux calls that Python 3.11 does not have. Each raises OSError when the kernel refuses."""

import ctypes
import os
import struct
from collections.abc import Sequence
from pathlib import Path

NEW_NS, NEW_UTS, NEW_IPC, NEW_USER, NEW_PID, NEW_NET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_SET_PDEATHSIG, _CAPBSET_DROP, _SET_SECUREBITS, _SET_CHILD_SUBREAPER, _SET_NO_NEW_PRIVS = 1, 24, 28, 36, 38
_AMBIENT, _AMBIENT_RAISE = 47, 2
_NO_ROOT_LOCKED = 0b11
_CAPABILITY_VERSION, _CAP_WAKE_ALARM = 0x20080522, 35
_SYS_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave the shared namespaces named by `flags`."""
    _check(_libc.unshare(flags), "unshare")


def enter_user_namespace(flags: int = 0) -> None:
    """Leave the user namespace, and those named by `flags`, for new ones; the user stays who it is."""
    uid, gid = os.geteuid(), os.getegid()
    unshare(NEW_USER | flags)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def join(namespace: int) -> None:
    """Enter the namespace behind an open ``/proc/<pid>/ns/<name>``."""
    _check(_libc.setns(namespace, 0), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2); empty strings are null pointers."""
    arguments = (source.encode() or None, target.encode(), kind.encode() or None)
    _check(_libc.mount(*arguments, ctypes.c_ulong(flags), options.encode() or None), f"mount {target}")


def bind(source: str, target: str) -> None:
    """Make `target` show `source` with everything mounted below it."""
    mount(source, target, flags=MS_BIND | MS_REC)


def make_read_only(target: str) -> None:
    """Let nobody in this mount namespace write to what is mounted at `target`, or below it (Linux 5.12)."""
    wish = struct.pack("4Q", _MOUNT_ATTR_RDONLY, 0, 0, 0)
    number, where, flags = (ctypes.c_long(x) for x in (_SYS_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE))
    size = ctypes.c_size_t(len(wish))
    _check(_libc.syscall(number, where, target.encode(), flags, wish, size), f"mount_setattr {target}")


def die_with_parent(signal_number: int) -> None:
    """Get `signal_number` when the parent ends, however it ends."""
    _check(_libc.prctl(_SET_PDEATHSIG, signal_number, 0, 0, 0), "prctl")


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _check(_libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def drop_privileges() -> None:
    """Give up every capability for good, also for programs run later, root or not."""
    for capability in range(64):
        if _libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # the last capability this kernel knows was the one before
    _check(_libc.prctl(_SET_SECUREBITS, _NO_ROOT_LOCKED, 0, 0, 0), "prctl")
    _check(_libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    _set_capabilities([0] * 6)


def mark_programs() -> None:
    """Let the programs that this process starts hold a capability, whoever it is: one that gives no power worth having.

    The kernel lets a process look into another (ptrace, ``/proc/<pid>/root``) only when it holds all that the other
    holds; what has dropped its capabilities stays out. The caller must have all of its user namespace.
    """
    held = ctypes.create_string_buffer(24)
    _check(_libc.capget(struct.pack("Ii", _CAPABILITY_VERSION, 0), held), "capget")
    words = list(struct.unpack("6I", held.raw))
    words[2 + 3 * (_CAP_WAKE_ALARM // 32)] |= 1 << _CAP_WAKE_ALARM % 32
    _set_capabilities(words)
    _check(_libc.prctl(_AMBIENT, _AMBIENT_RAISE, _CAP_WAKE_ALARM, 0, 0), "prctl")


def _set_capabilities(words: Sequence[int]) -> None:
    """Effective, permitted and inheritable, the lower 32 bits of each and then the upper ones."""
    _check(_libc.capset(struct.pack("Ii", _CAPABILITY_VERSION, 0), struct.pack("6I", *words)), "capset")
