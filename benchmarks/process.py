"""Processes that are measured: started on a free port, and what they cost."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_START_S = 60.0


@contextlib.contextmanager
def running(
    *arguments: str,
    port: int,
    environment: dict[str, str] | None = None,
    program: Sequence[str] = (sys.executable,),
) -> Iterator[int]:
    """Run a program, Python unless given, that listens on `port`; yields its process id once it accepts."""
    process = subprocess.Popen(
        [*program, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | (environment or {}),
    )
    try:
        _wait_for(port, process)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def cpu_s(pid: int) -> float:
    """CPU seconds of a process, with its threads, those that have ended too; nanosecond steps.

    The id is the kernel's for "the CPU clock of that process": see clock_getcpuclockid(3).
    """
    return time.clock_gettime((~pid << 3) | 2)


def processes() -> set[int]:
    """The ids of all processes of this machine."""
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}


def started_since(before: set[int], word: str) -> set[int]:
    """Processes of ours that were not there before and have `word` in their command line."""
    found = set[int]()
    for pid in processes() - before:
        with contextlib.suppress(OSError):
            if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident and proportional memory of one process, in units of 10^6 bytes."""
    fields = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value = line.split(":", 1)
        fields[name] = int(value.split()[0]) * 1024 / 1e6
    return fields["Rss"], fields["Pss"]


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args} does not listen on {port}")
