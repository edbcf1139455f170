"""Follows a process through every system call that changes files, and may end it right before one of them.

ptrace(2) stops each thread of the child where a seccomp filter says so: before the calls named in `_CALLS` and nowhere
else, so the child runs at nearly its own speed. Linux on x86-64 and arm64; no package, no compiler, no privilege.
"""

import ctypes
import os
import platform
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

# name: numbers on x86-64 and arm64 (None: not there)
_CALLS: dict[str, tuple[int | None, int | None]] = {
    "open": (2, None),
    "creat": (85, None),
    "openat": (257, 56),
    "openat2": (437, 437),
    "write": (1, 64),
    "writev": (20, 66),
    "pwrite64": (18, 68),
    "pwritev": (296, 70),
    "pwritev2": (328, 287),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "fallocate": (285, 47),
}
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_TRACEME, _CONT, _SYSCALL, _SETOPTIONS, _GET_SYSCALL_INFO = 0, 7, 24, 0x4200, 0x420E
_OPTIONS = (
    0x1 | 0x2 | 0x4 | 0x8 | 0x80 | 0x100000
)  # sysgood, fork, vfork, clone, seccomp; the child dies with us
_EVENT_SECCOMP = 7
_WALL = 0x40000000
_AT_FDCWD, _AT_REMOVEDIR = -100, 0x200
_CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


class Event(NamedTuple):
    """One change of the files that was done, or was about to be done.

    `kind`: create, truncate, write, sync, sync-folder, mkdir, rmdir, unlink, link, rename; or told, what the child
    wrote to the descriptor it tells things on. `number` is the offset of a write, the size of a truncated file, and
    for a sync how many events had ended when it began: it promises nothing of later ones.
    """

    kind: str
    path: str
    number: int = 0
    data: bytes = b""
    other: str = ""


class Stop(NamedTuple):
    """A thread right before a system call."""

    thread: int
    call: str
    arguments: tuple[int, ...]


class Died(NamedTuple):
    """How the child ended: its exit status, or minus the number of the signal; what it did; whether it was cut off."""

    status: int
    events: list[Event]
    was_cut: bool


class CannotTrace(Exception):
    """This machine does not let a process trace its child."""


def run(work: Callable[[int], None], *, cut_before: int = 0, keeps: bool = True, folder: str) -> Died:
    """Run `work` in a forked child; it gets a descriptor to tell things on.

    The caller has one thread. Only changes below `folder` count.

    Args:
        work: what the child does.
        cut_before: the number of the change (from 1) before which the child is killed; 0 lets it end.
        keeps: whether what it does is kept in full, to be replayed.
        folder: the files to look at.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(work, writer)
    os.close(writer)
    try:
        told = os.readlink(f"/proc/self/fd/{reader}")
        return _Tracer(child, told, cut_before, keeps, folder).follow()
    finally:
        os.close(reader)


def _be_child(work: Callable[[int], None], told: int) -> None:
    status = 70
    try:
        if _libc.ptrace(_TRACEME, 0, None, None) != 0:
            os._exit(71)
        os.kill(os.getpid(), signal.SIGSTOP)
        _filter_calls()
        work(told)
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _numbers() -> dict[int, str]:
    column, _ = _machine()
    return {number: name for name, numbers in _CALLS.items() if (number := numbers[column]) is not None}


def _machine() -> tuple[int, int]:
    try:
        return _MACHINES[platform.machine()]
    except KeyError:
        raise CannotTrace(f"no system call numbers of {platform.machine()}") from None


def _filter_calls() -> None:
    """Have every one of our calls stop us for the tracer."""
    numbers = list(_numbers())
    lines = [(0x20, 0, 0, 4), (0x15, 1, 0, _machine()[1]), (0x06, 0, 0, 0x7FFF0000), (0x20, 0, 0, 0)]
    lines += [(0x15, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    lines += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x7FF00000)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(lines), ctypes.addressof(program)))
    if _libc.prctl(38, 1, 0, 0, 0) != 0 or _libc.prctl(22, 2, head, 0, 0) != 0:
        raise CannotTrace("the kernel takes no seccomp filter")


class _Tracer:
    def __init__(self, child: int, told: str, cut_before: int, keeps: bool, folder: str) -> None:
        self._child = child
        self._told = told
        self._cut_before = cut_before
        self._keeps = keeps
        self._folder = folder
        self._names = _numbers()
        self._memory = -1
        self._entered: dict[int, Event] = {}
        self._events: list[Event] = []
        self._count = 0
        self._was_cut = False

    def follow(self) -> Died:
        _, status = os.waitpid(self._child, _WALL)
        if not os.WIFSTOPPED(status):
            raise CannotTrace("ptrace is not permitted")
        _ptrace(_SETOPTIONS, self._child, 0, _OPTIONS)
        self._memory = os.open(f"/proc/{self._child}/mem", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _go_on(self._child)
            return self._loop()
        finally:
            os.close(self._memory)

    def _loop(self) -> Died:
        while True:
            thread, status = os.waitpid(-1, _WALL)
            if os.WIFSTOPPED(status):
                self._stopped(thread, status)
            elif thread == self._child:
                return Died(os.waitstatus_to_exitcode(status), self._events, self._was_cut)

    def _stopped(self, thread: int, status: int) -> None:
        number, event = os.WSTOPSIG(status), status >> 16
        if event == _EVENT_SECCOMP:
            self._before(thread)
        elif number == signal.SIGTRAP | 0x80:
            self._after(thread)
        elif event or number == signal.SIGSTOP:
            _go_on(thread)
        else:
            _go_on(thread, number)

    def _before(self, thread: int) -> None:
        info = _syscall_info(thread)
        if info is None:
            return
        arguments = struct.unpack_from("6Q", info, 32)
        stop = Stop(thread, self._names[struct.unpack_from("Q", info, 24)[0]], arguments)
        event = self._event(stop)
        if event is None:
            _go_on(thread)
            return
        if event.kind != "told":
            self._count += 1
            if self._count == self._cut_before:
                self._was_cut = True
                os.kill(self._child, signal.SIGKILL)
                return
        self._entered[thread] = event
        _ptrace(_SYSCALL, thread, 0, 0)

    def _after(self, thread: int) -> None:
        info = _syscall_info(thread)
        event = self._entered.pop(thread, None)
        if info is not None and event is not None:
            result, is_error = struct.unpack_from("qB", info, 24)
            if event.kind == "write":
                event = event._replace(data=event.data[: max(result, 0)])
            if not is_error:
                self._events.append(event)
        _go_on(thread)

    def _event(self, stop: Stop) -> Event | None:
        """The change that a call makes; None when it makes none below the folder."""
        event = next(self._read(stop), None)
        if event is None or event.kind == "told":
            return event
        return event if event.path.startswith(self._folder) and " (deleted)" not in event.path else None

    def _read(self, stop: Stop) -> Iterator[Event]:
        first, second, third, fourth = stop.arguments[:4]
        match stop.call:
            case "open" | "creat":
                yield from self._opening(
                    _path(self, _AT_FDCWD, first), second if stop.call == "open" else _CHANGES
                )
            case "openat":
                yield from self._opening(_path(self, first, second), third)
            case "openat2":
                yield from self._opening(
                    _path(self, first, second), struct.unpack("Q", self.peek(third, 8))[0]
                )
            case "write":
                yield self._written(first, self.peek(second, third), None)
            case "writev":
                yield self._written(first, self._vector(second, third), None)
            case "pwrite64":
                yield self._written(first, self.peek(second, third), fourth)
            case "pwritev" | "pwritev2":
                yield self._written(first, self._vector(second, third), fourth)
            case "fsync" | "fdatasync":
                path = self.descriptor(first)
                yield Event("sync-folder" if os.path.isdir(path) else "sync", path, len(self._events))
            case "ftruncate":
                yield Event("truncate", self.descriptor(first), second)
            case "truncate":
                yield Event("truncate", _path(self, _AT_FDCWD, first), second)
            case "fallocate":
                yield from self._allocated(first, second, third + fourth)
            case _:
                yield self._named(stop)

    def _named(self, stop: Stop) -> Event:
        first, second, third, fourth = stop.arguments[:4]
        match stop.call:
            case "mkdir" | "rmdir" | "unlink":
                return Event(stop.call, _path(self, _AT_FDCWD, first))
            case "mkdirat":
                return Event("mkdir", _path(self, first, second))
            case "unlinkat":
                return Event("rmdir" if third & _AT_REMOVEDIR else "unlink", _path(self, first, second))
            case "rename" | "link":
                return Event(stop.call, _path(self, _AT_FDCWD, second), other=_path(self, _AT_FDCWD, first))
            case "renameat" | "renameat2" | "linkat":
                kind = "link" if stop.call == "linkat" else "rename"
                return Event(kind, _path(self, third, fourth), other=_path(self, first, second))
            case other:
                raise NotImplementedError(f"{other} is not replayed")

    def _opening(self, path: str, flags: int) -> Iterator[Event]:
        if flags & os.O_CREAT and not os.path.exists(path):
            yield Event("create", path)
        elif flags & os.O_TRUNC:
            yield Event("truncate", path, 0)

    def _allocated(self, descriptor: int, mode: int, end: int) -> Iterator[Event]:
        path = self.descriptor(descriptor)
        if mode == 0 and path.startswith(self._folder) and os.stat(path).st_size < end:
            yield Event("truncate", path, end)

    def _written(self, descriptor: int, data: bytes, offset: int | None) -> Event:
        path = self.descriptor(descriptor)
        if path == self._told:
            return Event("told", path, data=data)
        if offset is None:
            with open(f"/proc/{self._child}/fdinfo/{descriptor}") as file:
                offset = int(file.readline().split()[1])
        return Event("write", path, offset, data)

    def _vector(self, address: int, count: int) -> bytes:
        if not self._keeps:
            return b""
        pairs = struct.iter_unpack("QQ", self.peek(address, 16 * count, always=True))
        return b"".join(self.peek(base, length) for base, length in pairs)

    def peek(self, address: int, size: int, *, always: bool = False) -> bytes:
        return os.pread(self._memory, size, address) if self._keeps or always or size < 4096 else b""

    def text(self, address: int) -> str:
        found = b""
        while b"\0" not in found:  # to the end of each page, for the next one may not be there
            found += os.pread(self._memory, 4096 - (address + len(found)) % 4096, address + len(found))
        return os.fsdecode(found.partition(b"\0")[0])

    def descriptor(self, number: int) -> str:
        try:
            return os.readlink(f"/proc/{self._child}/fd/{number}")
        except FileNotFoundError:
            return ""

    def folder(self, number: int) -> str:
        number = ctypes.c_int(number & 0xFFFFFFFF).value
        return os.readlink(f"/proc/{self._child}/cwd") if number == _AT_FDCWD else self.descriptor(number)


def _path(tracer: _Tracer, folder: int, address: int) -> str:
    path = tracer.text(address)
    return path if path.startswith("/") else os.path.normpath(os.path.join(tracer.folder(folder), path))


def _syscall_info(thread: int) -> bytes | None:
    """What the kernel says of a stopped thread's call, on every machine alike; None: it was killed meanwhile."""
    buffer = ctypes.create_string_buffer(96)
    found = _libc.ptrace(_GET_SYSCALL_INFO, thread, ctypes.c_void_p(96), ctypes.cast(buffer, ctypes.c_void_p))
    return buffer.raw if found > 0 else None


def _ptrace(request: int, thread: int, address: int, data: int) -> None:
    if _libc.ptrace(request, thread, ctypes.c_void_p(address), ctypes.c_void_p(data)) != 0:
        number = ctypes.get_errno()
        if number != 3:  # ESRCH: it was killed meanwhile
            raise CannotTrace(os.strerror(number))


def _go_on(thread: int, number: int = 0) -> None:
    _ptrace(_CONT, thread, 0, number)
