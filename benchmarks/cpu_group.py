"""What processes cost that nobody waits for: a control group counts them with all that they start."""

import contextlib
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


class CpuGroup:
    """Processes whose CPU is counted together, those that have ended too."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Processes started inside belong to the group, and what they start, and so on."""
        if self._folder is None:
            yield
            return
        (self._folder / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            (self._folder.parent / "cgroup.procs").write_text(str(os.getpid()))

    def cpu_s(self) -> float:
        """CPU seconds so far; nan where this user may not make control groups."""
        if self._folder is None:
            return math.nan
        return int((self._folder / "cpu.stat").read_text().split()[1]) / 1e6


@contextlib.contextmanager
def cpu_group() -> Iterator[CpuGroup]:
    """A group of its own (control groups version 2), below that of this process; gone when its processes are."""
    own, folder = _own_group(), None
    if own is not None:
        with contextlib.suppress(OSError):
            folder = Path(tempfile.mkdtemp(prefix="sagesse-bench-", dir=own))
    try:
        yield CpuGroup(folder)
    finally:
        if folder is not None:
            with contextlib.suppress(OSError):  # some process is not quite gone
                folder.rmdir()


def _own_group() -> Path | None:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    mounted = next((fields[1] for fields in mounts if fields[2] == "cgroup2"), None)
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    own = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), None)
    if mounted is None or own is None:
        return None
    return Path(mounted) / own.strip("/")
