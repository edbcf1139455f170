"""A page of 1000 keys: of a small and of a large bucket, its first and its last, and beside other servers.

The keys are put through the store itself before the server starts, because a million signed requests measure the
client. The others get 5,000 through their front door; a page costs them more with each key of the bucket.
"""

import asyncio
import contextlib
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.connection import Connection
from benchmarks.request import capture
from benchmarks.rounds import Measure, Subject, measure
from benchmarks.s3_server import S3Server, others
from benchmarks.sagesse_server import BUCKET, client_of, sagesse
from sagesse.core.body import BytesUpload
from sagesse.engines.objects.base import Address, Attributes, Bucket, Condition, Expectation
from sagesse.engines.objects.local import LocalObjectStore

OTHERS_KEYS = 5000
_PAGE, _ROUNDS = 1000, 15
_AT_ONCE = 256


def first_and_last(keys: int) -> tuple[float, float]:
    """Seconds of server CPU for the first and for the last page of a bucket."""
    with _listed(keys) as server:
        first, last = _work(server, ""), _work(server, _key(keys - _PAGE - 1))
        first.work(1)  # warm
        times = [(_cpu(first), _cpu(last)) for _ in range(_ROUNDS)]
    firsts, lasts = zip(*times, strict=True)
    return statistics.median(firsts), statistics.median(lasts)


def beside_others(keys: int) -> dict[str, Measure]:
    """The first page of our bucket and of the others' smaller ones, by server."""
    with _listed(keys) as own, others() as peers:
        for peer in peers:
            _put_through(peer)
        subjects = {server.name: _work(server, "") for server in (own, *peers)}
        return measure(subjects, base=own.name, rounds=_ROUNDS)


@contextlib.contextmanager
def _listed(keys: int) -> Iterator[S3Server]:
    """Sagesse with a bucket of so many keys."""
    with sagesse() as server:
        server.stop()
        asyncio.run(_fill(server.data_dir / "objects", keys))
        server.start()
        yield S3Server("Sagesse", client_of(server, "s3"), server.port, server.pid)


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


def _put_through(peer: S3Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        puts = pool.map(
            lambda number: peer.client.put_object(Bucket=BUCKET, Key=_key(number), Body=b"x"),
            range(OTHERS_KEYS),
        )
        list(puts)


def _key(number: int) -> str:
    return f"folder-{number // 5000:05}/photo-{number:08}.jpg"


def _work(server: S3Server, after: str) -> Subject:
    request = capture(server.client, "list_objects_v2", Bucket=BUCKET, StartAfter=after, MaxKeys=_PAGE).whole
    connection = Connection(server.port)

    def work(count: int) -> None:
        for _ in range(count):
            status, page = connection.exchange(request)
            if status != 200 or page.count(b"<Contents>") != _PAGE:
                raise RuntimeError(f"status {status}, {page.count(b'<Contents>')} keys instead of {_PAGE}")

    return Subject(work, server.cpu_s, 1)


def _cpu(subject: Subject) -> float:
    before = subject.cpu()
    subject.work(1)
    return subject.cpu() - before
