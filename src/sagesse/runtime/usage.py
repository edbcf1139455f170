"""How much of the machine a run uses: measured once a minute and at its end, a JSON line each (``usage.jsonl``)."""

import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from sagesse.runtime.gpu import gpu_use
from sagesse.runtime.process import cpu_s, memory_bytes

FILE = "usage.jsonl"
EVERY_S = 60.0
_DISK_SHARE = 2000  # walking the run's folder may take one part in so many of the time


class Usage(msgspec.Struct, frozen=True):
    """One measurement.

    Attributes:
        at: epoch seconds.
        cpu_percent: processor time since the measurement before, 100 for each core.
        memory_bytes: what the processes hold now; at the end, the most that one of them held.
        disk_bytes: what lies in the folders that the run sees as its own.
        gpu_percent, gpu_memory_percent: of its GPUs together, 100 for each; None for a run without.
    """

    at: float
    cpu_percent: float
    memory_bytes: int
    disk_bytes: int
    gpu_percent: float | None = None
    gpu_memory_percent: float | None = None


class UsageMeter:
    """Measures one run.

    Args:
        folder: the run's folder.
        processes: finds the ids of the run's living processes.
        variables: the run's environment; CUDA_VISIBLE_DEVICES says which GPUs are its own.
    """

    def __init__(self, folder: Path, processes: Callable[[], set[int]], variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._processes = processes
        self._gpus = _numbers(variables.get("CUDA_VISIBLE_DEVICES", ""))
        self._gpu: tuple[float, float] | None = None
        self._measured_at = time.monotonic()
        self._cpu_s = 0.0
        self._memory_bytes = 0
        self._disk_bytes = 0
        self._disk_at = 0.0  # monotonic: when the disk may be looked at again

    def measure(self) -> None:
        """Note what the living processes use."""
        pids = self._processes()
        self._memory_bytes = memory_bytes(pids, at_least=0)
        self.look_at_gpus()
        if time.monotonic() >= self._disk_at:
            self._look_at_disk()
        self._note(cpu_s(pids))

    def look_at_gpus(self) -> None:
        """Measure the GPUs while the job still has them."""
        self._gpu = gpu_use(self._gpus) if self._gpus else None

    def conclude(self) -> None:
        """Note what was used altogether, once the run's processes have ended and were waited for."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        self._memory_bytes = self._memory_bytes or used.ru_maxrss * 1024
        self._look_at_disk()
        self._note(used.ru_utime + used.ru_stime)

    def _note(self, cpu_total_s: float) -> None:
        now = time.monotonic()
        span_s = max(now - self._measured_at, 1e-3)
        percent = max(0.0, cpu_total_s - self._cpu_s) / span_s * 100
        self._measured_at, self._cpu_s = now, max(self._cpu_s, cpu_total_s)
        usage = Usage(
            time.time(), percent, self._memory_bytes, self._disk_bytes, *(self._gpu or (None, None))
        )
        with (self._folder / FILE).open("ab") as file:
            file.write(msgspec.json.encode(usage) + b"\n")

    def _look_at_disk(self) -> None:
        begun = time.monotonic()
        self._disk_bytes = disk_bytes(self._folder)
        now = time.monotonic()
        self._disk_at = now + (now - begun) * _DISK_SHARE


def disk_bytes(folder: Path) -> int:
    """What a folder holds on the disk; links are not followed, what vanishes meanwhile is not counted."""
    return sum(_sizes(str(folder)))


def _sizes(folder: str) -> Iterator[int]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield from _size(entry)
    except OSError:
        return


def _size(entry: "os.DirEntry[str]") -> Iterator[int]:
    try:
        yield entry.stat(follow_symlinks=False).st_blocks * 512
        if entry.is_dir(follow_symlinks=False):
            yield from _sizes(entry.path)
    except OSError:
        return


def _numbers(text: str) -> Sequence[int]:
    return [int(part) for part in text.split(",") if part.strip().isdigit()]
