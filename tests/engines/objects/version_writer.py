"""A process that writes and deletes versions and tells what it began and what was acknowledged; made to be killed.

Usage: version_writer.py FOLDER ROUND. Each line on stdout: `put KEY`, `made KEY VERSION SEED SIZE` (size -1: a
marker), `drop KEY VERSION`, `dropped KEY VERSION`.
"""

import asyncio
import os
import random
import sys
from pathlib import Path

from sagesse.core.body import BytesUpload
from sagesse.core.error import ServiceError
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects.base import Address, Attributes, Bucket, Condition, Deletion, Expectation
from tests.engines.objects.writer import SIZES, content

BUCKET = "versions"
WORKERS = 6


def tell(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def work(store: LocalObjectStore, key: str, dice: random.Random) -> None:
    made: list[str] = []
    while True:
        if made and dice.random() < 0.3:
            version = made.pop(dice.randrange(len(made)))
            tell("drop", key, version)
            await store.delete(BUCKET, [Deletion(key, version=version)])
            tell("dropped", key, version)
            continue
        tell("put", key)
        seed, size = dice.randrange(1 << 30), dice.choice((*SIZES, -1))
        made.append(await make(store, key, seed, size))
        tell("made", key, made[-1], seed, size)


async def make(store: LocalObjectStore, key: str, seed: int, size: int) -> str:
    if size < 0:
        (outcome,) = await store.delete(BUCKET, [Deletion(key)])
        assert not isinstance(outcome, ServiceError)
        return outcome.version or ""
    data, address = BytesUpload(content(seed, size)), Address(BUCKET, key)
    info = await store.put(address, data, Attributes(), expect=Expectation(), condition=Condition())
    return info.version


async def main(folder: Path, number: int) -> None:
    store = LocalObjectStore(folder, min_part_bytes=0, grace_s=0.05)
    if number == 0:
        bucket = Bucket(name=BUCKET, account="1", region="r", created=1.0, versioning="Enabled")
        await store.create_bucket(bucket)
    tell("ready")
    dice = random.Random(number)
    await asyncio.gather(
        *(work(store, f"k{worker}", random.Random(dice.randrange(1 << 30))) for worker in range(WORKERS))
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
