"""Many at once on the same names: what is seen is always something that somebody wrote, whole."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagesse.core.body import BytesUpload
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects.base import Address, Attributes, Condition, Expectation, ListQuery
from sagesse.testing import object_store as suite
from sagesse.testing.object_version import new_versioned_bucket

WRITERS = 64


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalObjectStore]:
    store = LocalObjectStore(tmp_path / "s3", durable=False)
    yield store
    store.close()


def body(writer: int) -> bytes:
    """Small and large in turn, and each told apart by every byte and by its length."""
    return bytes([writer]) * (100 + writer if writer % 2 else 70_000 + writer)


async def put(store: LocalObjectStore, key: str, data: bytes, condition: Condition | None = None) -> None:
    await store.put(
        Address(suite.BUCKET, key),
        BytesUpload(data),
        Attributes(tags={"size": str(len(data))}),
        expect=Expectation(),
        condition=condition or Condition(),
    )


async def read(store: LocalObjectStore, key: str) -> bytes:
    found = await store.get(Address(suite.BUCKET, key))
    data = await suite.collect(found.read(0, found.info.size_bytes))
    assert len(data) == found.info.size_bytes == int(found.info.attributes.tags["size"])
    return data


def test_many_writers_of_one_key_leave_the_body_of_one(store: LocalObjectStore) -> None:
    suite.new_bucket(store)

    async def work() -> bytes:
        await asyncio.gather(*(put(store, "k", body(writer)) for writer in range(WRITERS)))
        return await read(store, "k")

    assert suite.run(work()) in {body(writer) for writer in range(WRITERS)}


def test_many_writers_of_one_key_each_leave_a_version(store: LocalObjectStore) -> None:
    new_versioned_bucket(store)

    async def work() -> list[int]:
        await asyncio.gather(*(put(store, "k", body(writer)) for writer in range(WRITERS)))
        page = await store.versions(suite.BUCKET, ListQuery())
        return sorted(entry.size_bytes for entry in page.versions)

    assert suite.run(work()) == sorted(len(body(writer)) for writer in range(WRITERS))


def test_one_of_many_creators_wins(store: LocalObjectStore) -> None:
    suite.new_bucket(store)

    async def work() -> list[object]:
        create = Condition(if_none_match="*")
        writers = (put(store, "k", body(writer), create) for writer in range(WRITERS))
        return await asyncio.gather(*writers, return_exceptions=True)

    outcomes = suite.run(work())
    assert [getattr(outcome, "code", None) for outcome in outcomes].count(None) == 1


def test_readers_and_listings_see_whole_objects_while_they_are_written(store: LocalObjectStore) -> None:
    suite.new_bucket(store)
    bodies = {body(writer) for writer in range(WRITERS)}
    keys = [f"k{number}" for number in range(5)]

    async def write(writer: int) -> None:
        await put(store, keys[writer % len(keys)], body(writer))

    async def look() -> None:
        while not done.is_set():
            page = await store.page(suite.BUCKET, ListQuery())
            listed = {entry.key: entry for entry in page.objects}
            assert len(listed) == len(page.objects) == len(keys)
            assert all((entry.size_bytes, entry.etag) in whole for entry in listed.values())
            assert await read(store, keys[0]) in bodies

    async def work() -> None:
        for key in keys:
            await put(store, key, body(1))
        readers = [asyncio.create_task(look()) for _ in range(4)]
        for _ in range(3):
            await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
        done.set()
        await asyncio.gather(*readers)

    done = asyncio.Event()
    whole = {(len(data), hashlib.md5(data).hexdigest()) for data in bodies}
    suite.run(work())
