"""Looking at the processes below one process, through /proc."""

import contextlib
import os
import signal
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def descendants(root: int) -> set[int]:
    """Process ids of all living processes below `root`."""
    parents = {
        int(name): parent for name in os.listdir("/proc") if name.isdigit() and (parent := _parent(name))
    }
    found: set[int] = set()
    layer = {root}
    while layer:
        layer = {pid for pid, parent in parents.items() if parent in layer} - found
        found |= layer
    return found


def kill_descendants() -> None:
    """End every process below this one and collect them; the caller must have called `adopt_orphans`.

    Nobody is looked for when no child is left, as at the end of a job with pids of its own: /proc may be large.
    """
    while _collect_ended():
        for pid in descendants(os.getpid()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


def _collect_ended() -> bool:
    """Collect the children that have ended; whether there are others."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def memory_bytes(pids: set[int], *, at_least: int) -> int:
    """Memory that `pids` hold together, pages they share counted once.

    The exact figure is read only when the cheap one, which counts shared pages many times, exceeds `at_least`.
    """
    resident = sum(_resident_bytes(pid) for pid in pids)
    return resident if resident <= at_least else sum(_proportional_bytes(pid) for pid in pids)


def cpu_s(pids: set[int]) -> float:
    """Processor seconds that `pids` have used, and the children they have waited for."""
    return sum(_cpu_ticks(pid) for pid in pids) / _TICKS_PER_S


def _parent(pid: str) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    return int(stat[stat.rindex(b")") + 1 :].split()[1])


def _cpu_ticks(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    return sum(
        int(part) for part in stat[stat.rindex(b")") + 1 :].split()[11:15]
    )  # utime, stime, cutime, cstime


def _resident_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def _proportional_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return _resident_bytes(pid)
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
