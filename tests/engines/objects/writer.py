"""A process that writes to a store and tells what it began and what was acknowledged; made to be killed.

Usage: writer.py FOLDER ROUND. Each line on stdout: `begin|done WORKER JSON`.
"""

import asyncio
import json
import os
import random
import sys
from pathlib import Path

from sagesse.core.body import BytesUpload
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects.base import (
    Address,
    Attributes,
    Bucket,
    ChosenPart,
    Condition,
    Deletion,
    Expectation,
    UploadInfo,
)

BUCKET = "crash"
WORKERS = 6
SIZES = (100, 3_000, 70_000, 300_000)


def content(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def tell(word: str, worker: int, state: object) -> None:
    os.write(1, f"{word} {worker} {json.dumps(state)}\n".encode())


async def work(store: LocalObjectStore, worker: int, dice: random.Random) -> None:
    while True:
        key = f"{worker}/{dice.randrange(3)}"
        seed, size = dice.randrange(1 << 30), dice.choice(SIZES)
        match dice.randrange(8):
            case 0:
                state = [key, None]
                tell("begin", worker, state)
                await store.delete(BUCKET, [Deletion(key)])
            case 1:
                state = [key, [seed, 200_000]]
                tell("begin", worker, state)
                await multipart(store, key, content(seed, 200_000))
            case 2:
                state = [f"{key}-copy", [seed, size]]
                tell("begin", worker, state)
                await put(store, f"{worker}/source", content(seed, size))
                source = await store.get(Address(BUCKET, f"{worker}/source"))
                target = Address(BUCKET, f"{key}-copy")
                await store.copy(source, target, Attributes(), algorithm=None, condition=Condition())
            case _:
                state = [key, [seed, size]]
                tell("begin", worker, state)
                await put(store, key, content(seed, size))
        tell("done", worker, state)


async def put(store: LocalObjectStore, key: str, data: bytes) -> None:
    address = Address(BUCKET, key)
    await store.put(address, BytesUpload(data), Attributes(), expect=Expectation(), condition=Condition())


async def multipart(store: LocalObjectStore, key: str, data: bytes) -> None:
    upload = UploadInfo(
        bucket=BUCKET,
        key=key,
        id=os.urandom(8).hex(),
        account="1",
        created=1.0,
        attributes=Attributes(),
        algorithm="CRC64NVME",
        kind="FULL_OBJECT",
        is_declared=False,
    )
    await store.create_upload(upload)
    pieces = [data[at : at + 80_000] for at in range(0, len(data), 80_000)]
    parts = await asyncio.gather(
        *(
            store.put_part(upload, number, BytesUpload(piece), Expectation())
            for number, piece in enumerate(pieces, start=1)
        )
    )
    chosen = [ChosenPart(part.number, part.etag, {}) for part in parts]
    await store.complete(upload, chosen, checksum=None, size_bytes=None, condition=Condition())


async def main(folder: Path, number: int) -> None:
    store = LocalObjectStore(folder, min_part_bytes=0, grace_s=0.05)
    if number == 0:
        await store.create_bucket(Bucket(name=BUCKET, account="1", region="r", created=1.0))
    os.write(1, b"ready\n")
    dice = random.Random(number)
    await asyncio.gather(
        *(work(store, worker, random.Random(dice.randrange(1 << 30))) for worker in range(WORKERS))
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
