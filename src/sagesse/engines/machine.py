"""What this machine has for jobs: cores, memory, GPUs."""

import re
from pathlib import Path
from typing import NamedTuple

from sagesse.engines.instance_type import InstanceType

GIB = 1 << 30
_GIB_PER_CORE = 4.0  # of AWS's general-purpose families
_GPU = re.compile(r"nvidia[0-9]+")
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


class Demand(NamedTuple):
    """An amount of this machine."""

    cores: int
    memory_bytes: int = 0
    gpus: int = 0

    def fits(self, free: "Demand") -> bool:
        """Whether `free` is enough."""
        return self.cores <= free.cores and self.memory_bytes <= free.memory_bytes and self.gpus <= free.gpus


class Machine(NamedTuple):
    """What jobs may claim together.

    Attributes:
        cores, memory_bytes, gpus: how much there is.
        scale: how many cores a vCPU of an instance type counts for.
    """

    cores: int
    memory_bytes: int
    gpus: int = 0
    scale: float = 1.0

    @property
    def whole(self) -> Demand:
        """All of it."""
        return Demand(self.cores, self.memory_bytes, self.gpus)

    def demand(self, kind: InstanceType, count: int = 1) -> Demand:
        """What `count` instances of a type claim here; never more than there is.

        A vCPU claims `scale` cores. Where the machine has less than 4 GiB for each core, memory claims shrink in
        proportion, so that it stands for a general-purpose instance and types keep their proportions.
        """
        memory_scale = min(1.0, self.memory_bytes / (self.cores * _GIB_PER_CORE * GIB)) * self.scale
        return Demand(
            cores=min(self.cores, count * max(1, round(kind.vcpus * self.scale))),
            memory_bytes=min(self.memory_bytes, count * int(kind.memory_gib * GIB * memory_scale)),
            gpus=min(self.gpus, count * kind.gpus),
        )


def memory_bytes() -> int:
    """Memory of this machine, or of the control group this process lives in if that has less."""
    total = next(
        int(line.split()[1]) * 1024
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemTotal:")
    )
    try:
        limit = _CGROUP_LIMIT.read_text().strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


def gpu_count() -> int:
    """NVIDIA GPUs that this process can open."""
    return sum(1 for entry in Path("/dev").iterdir() if _GPU.fullmatch(entry.name))
