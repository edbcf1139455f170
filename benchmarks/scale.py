"""S3 at size: a bucket of a million keys, and eight clients that move 1 GiB objects at once.

Listing: the last page of 1000 keys against the first, of 20,000 keys and of a million. The keys are put through the
store itself before the server starts, because a million signed requests measure the client. Target: 6 ms of server CPU
for a page of 20,000; the last page as fast as the first.
Memory: the highest resident size of the server while eight boto3 clients put and get 1 GiB each. Target: under 200 MB.
"""

import asyncio
import os
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.process import cpu_s, memory_mb
from benchmarks.report import save, show
from benchmarks.sagesse_server import BUCKET, client_of, sagesse
from sagesse.core.body import BytesUpload
from sagesse.engines.objects.base import Address, Attributes, Bucket, Condition, Expectation
from sagesse.engines.objects.local import LocalObjectStore
from sagesse.testing.server import Server

KEYS = (20_000, 1_000_000)
PAGE, ROUNDS = 1000, 15
CLIENTS, OBJECT_BYTES = 8, 1 << 30
_PIECE = os.urandom(8 << 20)
_AT_ONCE = 256


def run() -> None:
    """Measure, print and save."""
    pages = {keys: _pages(keys) for keys in KEYS}
    show(
        "A page of 1000 keys, server CPU",
        ["keys in the bucket", "first page, ms", "last page, ms", "last / first"],
        [[f"{keys:,}", 1e3 * first, 1e3 * last, last / first] for keys, (first, last) in pages.items()],
        note="Targets: 6 ms of 20,000; last as fast as first.",
    )
    moved = _move()
    show(
        f"{CLIENTS} clients, {OBJECT_BYTES >> 30} GiB each",
        ["", "MB/s together", "highest resident, MB", "idle before, MB"],
        [[name, *figures] for name, figures in moved.items()],
        note="Target: under 200 MB.",
    )
    save("scale", {"pages": {str(keys): times for keys, times in pages.items()}, "moved": moved})


def _pages(keys: int) -> tuple[float, float]:
    """Seconds of server CPU for the first and for the last page."""
    with sagesse() as server:
        server.stop()
        asyncio.run(_fill(server.data_dir / "objects", keys))
        server.start()
        s3 = client_of(server, "s3")
        last = _key(keys - PAGE - 1)
        _page_cpu(server, s3, "")  # warm
        times = [(_page_cpu(server, s3, ""), _page_cpu(server, s3, last)) for _ in range(ROUNDS)]
    first, final = zip(*times, strict=True)
    return statistics.median(first), statistics.median(final)


async def _fill(folder: Path, keys: int) -> None:
    store = LocalObjectStore(folder)
    await store.create_bucket(
        Bucket(name=BUCKET, account="123456789012", region="us-east-1", created=time.time())
    )
    for start in range(0, keys, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, keys))
        await asyncio.gather(*(_put(store, number) for number in numbers))
    store.close()


async def _put(store: LocalObjectStore, number: int) -> None:
    await store.put(
        Address(BUCKET, _key(number)),
        BytesUpload(b"x"),
        Attributes(),
        expect=Expectation(),
        condition=Condition(),
    )


def _key(number: int) -> str:
    return f"folder-{number // 5000:05}/photo-{number:08}.jpg"


def _page_cpu(server: Server, s3: Any, after: str) -> float:
    before = cpu_s(server.pid)
    page = s3.list_objects_v2(Bucket=BUCKET, StartAfter=after, MaxKeys=PAGE)
    spent = cpu_s(server.pid) - before
    if page["KeyCount"] != PAGE:
        raise RuntimeError(f"{page['KeyCount']} keys instead of {PAGE}")
    return spent


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
