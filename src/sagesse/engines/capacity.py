"""The machine's cores, claimed by jobs: first come, first served; the thread budget of a job is what it got."""

import threading
from collections.abc import Callable
from typing import NamedTuple


class Claim(NamedTuple):
    """A job's place: `threads` granted (0 while it waits), and how many claims wait before it."""

    threads: int
    position: int = 0


class Capacity:
    """Grants cores to claims in the order they came.

    A claim for more cores than the machine has is granted the whole machine: an instance type says how a job's
    share compares with others', not what this machine must be.

    Args:
        cores: what there is.
    """

    def __init__(self, cores: int) -> None:
        self.cores = cores
        self._on_free: list[Callable[[str], None]] = []
        self._guard = threading.Lock()
        self._granted: dict[str, int] = {}
        self._waiting: dict[str, tuple[float, int]] = {}

    def watch(self, on_free: Callable[[str], None]) -> None:
        """Call `on_free` with the id of each waiting claim when something was released."""
        self._on_free.append(on_free)

    def claim(self, claim_id: str, cores: int, *, since: float) -> Claim:
        """Ask for cores; idempotent, ask again until they are granted. `since` (epoch seconds) is the order."""
        wanted = min(cores, self.cores)
        with self._guard:
            if claim_id in self._granted:
                return Claim(self._granted[claim_id])
            self._waiting[claim_id] = (since, wanted)
            ahead = [item for item in self._waiting.items() if (item[1][0], item[0]) < (since, claim_id)]
            free = self.cores - sum(self._granted.values())
            if ahead or wanted > free:
                return Claim(0, len(ahead))
            del self._waiting[claim_id]
            self._granted[claim_id] = wanted
            return Claim(wanted)

    def adopt(self, claim_id: str, cores: int) -> None:
        """Note what a job that survived the server already holds."""
        with self._guard:
            self._waiting.pop(claim_id, None)
            self._granted[claim_id] = min(cores, self.cores)

    def release(self, claim_id: str) -> None:
        """Give back, or stop waiting; idempotent."""
        with self._guard:
            self._granted.pop(claim_id, None)
            self._waiting.pop(claim_id, None)
            waiting = sorted(self._waiting, key=lambda key: self._waiting[key])
        for other in waiting:
            for on_free in self._on_free:
                on_free(other)

    def wipe(self) -> None:
        """Forget every claim."""
        with self._guard:
            self._granted.clear()
            self._waiting.clear()


# vCPUs of the instance sizes, by the size part of the type name; families differ in memory and processor only.
_SIZES = {"medium": 1, "large": 2, "xlarge": 4}
_GPU_SIZES = {"ml.p2.xlarge": 4, "ml.p3.2xlarge": 8, "ml.p3.8xlarge": 32, "ml.p3.16xlarge": 64}


def instance_cores(instance_type: str) -> int:
    """vCPUs of an instance type (``ml.m5.xlarge`` -> 4; ``...12xlarge`` -> 48); 2 for sizes we do not know."""
    size = instance_type.rsplit(".", 1)[-1]
    if instance_type in _GPU_SIZES:
        return _GPU_SIZES[instance_type]
    if size in _SIZES:
        return _SIZES[size]
    number = size.removesuffix("xlarge")
    return 4 * int(number) if number.isdigit() else 2
