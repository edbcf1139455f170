import asyncio
import errno
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagesse.core.body import BytesUpload, FileSlice, Stream
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects.base import Address, Attributes, Condition, Deletion, Expectation
from sagesse.testing import object_store as suite
from sagesse.testing.clock import HandClock

GRACE_S = 60


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[LocalObjectStore]:
    store = LocalObjectStore(tmp_path / "s3", clock=clock, grace_s=GRACE_S, min_part_bytes=0)
    suite.new_bucket(store)
    yield store
    store.close()


class BrokenUpload:
    """Brings some bytes and then fails."""

    size_bytes = None

    def __init__(self) -> None:
        self.trailers: dict[str, str] = {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(3):
            yield bytes(1 << 20)
        raise ConnectionResetError


def files(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.glob("s3/blobs/*/*/*") if path.is_file()]


def test_a_large_object_is_read_as_a_slice_of_one_file(store: LocalObjectStore) -> None:
    suite.put(store, "k", bytes(suite.LARGE))
    found = suite.run(store.get(Address(suite.BUCKET, "k")))
    assert isinstance(found.read(5, 100), FileSlice)


def test_equal_parts_end_in_one_file(store: LocalObjectStore, tmp_path: Path) -> None:
    upload = suite.new_upload(store)
    parts = [suite.put_part(store, upload, number, suite.part_of(number)) for number in (3, 1, 2)]
    suite.complete(store, upload, parts[1], parts[2], parts[0])
    found = suite.run(store.get(Address(suite.BUCKET, "k")))
    assert isinstance(found.read(0, found.info.size_bytes), FileSlice)
    assert len(files(tmp_path)) == 1


def test_an_upload_goes_on_after_a_restart(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path / "s3", min_part_bytes=0)
    suite.new_bucket(store)
    upload = suite.new_upload(store)
    first = suite.put_part(store, upload, 1, suite.part_of(1))
    store.close()
    store = LocalObjectStore(tmp_path / "s3", min_part_bytes=0)
    again = suite.run(store.upload(Address(suite.BUCKET, "k"), upload.id))
    second = suite.put_part(store, again, 2, suite.part_of(2))
    suite.complete(store, again, first, second)
    assert suite.read(store, "k") == suite.part_of(1) + suite.part_of(2)
    store.close()


def test_a_replaced_file_stays_for_the_grace_period(
    store: LocalObjectStore, clock: HandClock, tmp_path: Path
) -> None:
    suite.put(store, "k", bytes(suite.LARGE))
    suite.put(store, "k", b"small")
    clock.turn(GRACE_S - 1)
    store.sweep()
    assert len(files(tmp_path)) == 1
    clock.turn(2)
    store.sweep()
    assert files(tmp_path) == []


def test_a_file_that_is_being_streamed_stays_longer(store: LocalObjectStore, clock: HandClock) -> None:
    upload = suite.new_upload(store)
    parts = [suite.put_part(store, upload, number, suite.part_of(number)) for number in (1, 3)]
    suite.complete(store, upload, *parts)

    async def work() -> bytes:
        found = await store.get(Address(suite.BUCKET, "k"))
        body = found.read(0, found.info.size_bytes)
        assert isinstance(body, Stream)
        data = await anext(body.chunks)
        await store.delete(suite.BUCKET, [Deletion("k")])
        clock.turn(GRACE_S + 1)
        await asyncio.to_thread(store.sweep)
        return data + b"".join([chunk async for chunk in body.chunks])

    assert suite.run(work()) == suite.part_of(1) + suite.part_of(3)


def test_an_upload_that_breaks_off_leaves_nothing(store: LocalObjectStore, tmp_path: Path) -> None:
    put = store.put(
        Address(suite.BUCKET, "k"), BrokenUpload(), Attributes(), expect=Expectation(), condition=Condition()
    )
    assert suite.refusal(put).code == "InternalError"
    assert files(tmp_path) == []


def test_a_file_nobody_knows_is_swept_after_the_start(tmp_path: Path) -> None:
    orphan = tmp_path / "s3" / "blobs" / "0" / "ab" / "cd"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"left by a crash")
    store = LocalObjectStore(tmp_path / "s3")
    store.sweep()
    store.close()
    assert not orphan.exists()


def test_a_folder_is_open_in_one_process(store: LocalObjectStore, tmp_path: Path) -> None:
    code = f"""
import pathlib, sagesse.engines.objects.local as local
try:
    local.LocalObjectStore(pathlib.Path({str(tmp_path / "s3")!r}))
except local.StoreInUse:
    print("in use")
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "in use\n"


def test_a_full_disk_stores_nothing(
    store: LocalObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    suite.put(store, "k", b"before")
    put = store.put(
        Address(suite.BUCKET, "k"),
        BytesUpload(bytes(suite.LARGE)),
        Attributes(),
        expect=Expectation(),
        condition=Condition(),
    )
    monkeypatch.setattr(os, "pwritev", full)
    error = suite.refusal(put)
    assert (error.code, error.status) == ("ServiceUnavailable", 503)
    assert "No space left" in error.message
    assert suite.read(store, "k") == b"before"
    assert files(tmp_path) == []


def test_a_put_that_is_cancelled_while_it_commits_is_whole(
    store: LocalObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = store._database.write_async

    async def work() -> None:
        upload = BytesUpload(bytes(suite.LARGE))
        put = asyncio.ensure_future(
            store.put(
                Address(suite.BUCKET, "k"), upload, Attributes(), expect=Expectation(), condition=Condition()
            )
        )

        def write(job: Any, **settled: Any) -> Any:
            asyncio.get_running_loop().call_soon(put.cancel)
            return queue(job, **settled)

        with monkeypatch.context() as patch:
            patch.setattr(store._database, "write_async", write)
            with pytest.raises(asyncio.CancelledError):
                await put
        await store.tag_bucket(suite.BUCKET, {})  # behind the put in the writer's queue

    suite.run(work())
    assert suite.read(store, "k") == bytes(suite.LARGE)
