"""Sealed objects in the local store: the suite, and what lies on the disk."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagesse.core.body import Stream
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects.base import Address
from sagesse.engines.objects.seal import FRAME_BYTES, SealBroken
from sagesse.testing import object_seal as sealed
from sagesse.testing import object_store as suite


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalObjectStore]:
    store = LocalObjectStore(tmp_path / "s3", min_part_bytes=0, durable=False)
    yield store
    store.close()


class TestSeals(sealed.ObjectSealSuite):
    pass


def _blob(tmp_path: Path) -> Path:
    (path,) = (path for path in tmp_path.glob("s3/blobs/*/*/*") if path.is_file())
    return path


def test_a_large_sealed_object_is_not_readable_on_the_disk(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.new_bucket(store)
    sealed.put_sealed(store, b"plain words " * 20_000)
    assert b"plain words" not in _blob(tmp_path).read_bytes()


def test_a_small_sealed_object_is_not_readable_in_the_index(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.new_bucket(store)
    sealed.put_sealed(store, b"plain words " * 20)
    with sqlite3.connect(tmp_path / "s3" / "index.db") as index:
        assert all(b"plain words" not in data for (data,) in index.execute("SELECT data FROM body"))


def test_a_sealed_object_is_not_read_without_its_key(store: LocalObjectStore) -> None:
    suite.new_bucket(store)
    sealed.put_sealed(store, b"x")
    with pytest.raises(TypeError, match="sealed"):
        suite.read(store, "k")


def test_equal_sealed_parts_lie_in_one_file(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.new_bucket(store)
    sealed.upload_sealed(store, [bytes(300_000)] * 3)
    assert _blob(tmp_path).stat().st_size > 900_000


def test_memory_holds_a_part_of_a_large_sealed_object_at_a_time(store: LocalObjectStore) -> None:
    suite.new_bucket(store)
    sealed.put_sealed(store, bytes(4 << 20))

    async def work() -> list[int]:
        found = await store.get(Address(suite.BUCKET, "k"))
        body = await found.unseal(0, 4 << 20, sealed.KEY)
        assert isinstance(body, Stream)
        return [len(chunk) async for chunk in body.chunks]

    assert max(suite.run(work())) <= 1 << 20


@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
@settings(max_examples=30)
def test_a_changed_byte_of_a_file_never_gives_wrong_bytes(
    tmp_path_factory: pytest.TempPathFactory, place: float, change: int
) -> None:
    tmp_path = tmp_path_factory.mktemp("store")
    store = LocalObjectStore(tmp_path / "s3", durable=False)
    suite.new_bucket(store)
    body = sealed.body_of(3 * FRAME_BYTES)
    sealed.put_sealed(store, body)
    path = _blob(tmp_path)
    run = bytearray(path.read_bytes())
    run[int(place * len(run))] ^= change
    path.write_bytes(run)
    with pytest.raises(SealBroken):
        sealed.read_sealed(store, 0, len(body))
    for offset in range(0, len(body), FRAME_BYTES):
        try:
            assert sealed.read_sealed(store, offset, FRAME_BYTES) == body[offset : offset + FRAME_BYTES]
        except SealBroken:
            continue
    store.close()
