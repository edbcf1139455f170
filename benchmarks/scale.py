"""S3 at size: a bucket of a million keys, and eight clients that move 1 GiB objects at once.

Listing (see `s3_listing`): the last page of 1000 keys against the first, of 20,000 keys and of a million, and beside
moto server and s3rver. Targets: 6 ms of server CPU for a page of 20,000; the last page as fast as the first.
Memory: the highest resident size of the server while eight boto3 clients put and get 1 GiB each. Target: under 200 MB.
"""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.process import memory_mb
from benchmarks.report import save, show, show_measures
from benchmarks.s3_listing import OTHERS_KEYS, beside_others, first_and_last
from benchmarks.sagesse_server import BUCKET, client_of, sagesse

KEYS = (20_000, 1_000_000)
CLIENTS, OBJECT_BYTES = 8, 1 << 30
_PIECE = os.urandom(8 << 20)


def run() -> None:
    """Measure, print and save."""
    pages = {keys: first_and_last(keys) for keys in KEYS}
    show(
        "A page of 1000 keys, server CPU",
        ["keys in the bucket", "first page, ms", "last page, ms", "last / first"],
        [[f"{keys:,}", 1e3 * first, 1e3 * last, last / first] for keys, (first, last) in pages.items()],
        note="Targets: 6 ms of 20,000; last as fast as first.",
    )
    beside = beside_others(KEYS[0])
    show_measures(
        f"The first page of 1000 keys, of {KEYS[0]:,}; of {OTHERS_KEYS:,} on the others",
        beside,
        base="Sagesse",
    )
    moved = _move()
    show(
        f"{CLIENTS} clients, {OBJECT_BYTES >> 30} GiB each",
        ["", "MB/s together", "highest resident, MB", "idle before, MB"],
        [[name, *figures] for name, figures in moved.items()],
        note="Target: under 200 MB.",
    )
    by_keys = {str(keys): times for keys, times in pages.items()}
    save("scale", {"pages": by_keys, "beside": beside, "moved": moved})


def _move() -> dict[str, tuple[float, float, float]]:
    """By direction: megabytes a second, the highest resident size, the size before."""
    found: dict[str, tuple[float, float, float]] = {}
    with sagesse() as server:
        client_of(server, "s3").create_bucket(Bucket=BUCKET)
        for name, work in (("put", _put_large), ("get", _get_large)):
            idle = memory_mb(server.pid)[0]
            peak = _Peak(server.pid)
            begun = time.monotonic()
            with peak, ThreadPoolExecutor(CLIENTS) as pool:
                list(
                    pool.map(lambda number, work=work: work(client_of(server, "s3"), number), range(CLIENTS))
                )
            took = time.monotonic() - begun
            found[name] = (CLIENTS * OBJECT_BYTES / 1e6 / took, peak.highest, idle)
    return found


class _Peak:
    """The highest resident size of a process while the block runs, in MB."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.highest = 0.0

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self.highest = max(self.highest, memory_mb(self._pid)[0])


class _Body:
    """A payload that is made as it is read."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._size = size

    def __len__(self) -> int:
        return self._size

    def read(self, count: int = -1) -> bytes:
        count = self._left if count < 0 else min(count, self._left)
        self._left -= count
        whole, rest = divmod(count, len(_PIECE))
        return _PIECE * whole + _PIECE[:rest]


def _put_large(s3: Any, number: int) -> None:
    s3.upload_fileobj(_Body(OBJECT_BYTES), BUCKET, f"large/{number}")


def _get_large(s3: Any, number: int) -> None:
    size = sum(map(len, _chunks(s3.get_object(Bucket=BUCKET, Key=f"large/{number}")["Body"])))
    if size != OBJECT_BYTES:
        raise RuntimeError(f"{size} bytes instead of {OBJECT_BYTES}")


def _chunks(body: Any) -> Iterator[bytes]:
    while chunk := body.read(1 << 20):
        yield chunk
