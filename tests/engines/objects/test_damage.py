"""Objects that are not what was stored: refused, named once, and nothing else suffers."""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sagesse.core.error import ServiceError
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects.base import Address, Attributes, Condition
from sagesse.testing import object_seal as sealed
from sagesse.testing import object_store as suite

LARGE = b"large" * 40_000
SMALL = b"small" * 100


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalObjectStore]:
    store = LocalObjectStore(tmp_path / "s3", min_part_bytes=0, durable=False)
    suite.new_bucket(store)
    suite.put(store, "other", b"fine")
    yield store
    store.close()


def blob(tmp_path: Path) -> Path:
    (path,) = tmp_path.glob("s3/blobs/*/*/*")
    return path


def change_index(tmp_path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(tmp_path / "s3" / "index.db") as index:
        assert index.execute(statement, values).rowcount == 1
    index.close()


def cut_file(tmp_path: Path) -> None:
    os.truncate(blob(tmp_path), len(LARGE) - 1)


def lose_file(tmp_path: Path) -> None:
    blob(tmp_path).unlink()


def change_body(tmp_path: Path) -> None:
    change_index(tmp_path, "UPDATE body SET data=? WHERE length(data)=?", b"S" + SMALL[1:], len(SMALL))


def cut_body(tmp_path: Path) -> None:
    change_index(tmp_path, "UPDATE body SET data=? WHERE length(data)=?", SMALL[:-1], len(SMALL))


def lose_body(tmp_path: Path) -> None:
    change_index(tmp_path, "DELETE FROM body WHERE length(data)=?", len(SMALL))


def spoil_row(tmp_path: Path) -> None:
    change_index(tmp_path, "UPDATE object SET details=? WHERE key='k'", b"\xc1")


def spoil_checksum(tmp_path: Path) -> None:
    change_index(tmp_path, "UPDATE object SET checksum='?' WHERE key='k'")


DAMAGES = [
    (LARGE, cut_file),
    (LARGE, lose_file),
    (SMALL, change_body),
    (SMALL, cut_body),
    (SMALL, lose_body),
    (SMALL, spoil_row),
    (SMALL, spoil_checksum),
]
some_damage = pytest.mark.parametrize(
    ("body", "harm"), DAMAGES, ids=lambda value: getattr(value, "__name__", "")
)


@some_damage
def test_a_damaged_object_is_refused_and_the_others_are_not(
    store: LocalObjectStore, tmp_path: Path, body: bytes, harm: Callable[[Path], None]
) -> None:
    suite.put(store, "k", body)
    harm(tmp_path)
    with pytest.raises(ServiceError) as caught:
        suite.read(store, "k")
    assert (caught.value.code, caught.value.status) == ("InternalError", 500)
    assert "sagesse doctor" in caught.value.message
    assert suite.read(store, "other") == b"fine"
    assert suite.keys(suite.page(store)) == ["k", "other"]


@some_damage
def test_damage_is_named_and_logged_once(
    store: LocalObjectStore,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    body: bytes,
    harm: Callable[[Path], None],
) -> None:
    suite.put(store, "k", body)
    harm(tmp_path)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            with pytest.raises(ServiceError):
                suite.read(store, "k")
    assert [damage.what for damage in store.damage.findings.damages] == ["s3://a-bucket/k"]
    assert len(caplog.records) == 1


def test_a_slice_of_what_is_left_of_a_file_is_still_given(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.put(store, "k", LARGE)
    cut_file(tmp_path)
    assert suite.read(store, "k", 10, 70_000) == LARGE[10:70_010]


@pytest.mark.parametrize("harm", [cut_file, lose_file])
def test_a_damaged_object_can_be_put_again(
    store: LocalObjectStore, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    suite.put(store, "k", LARGE)
    harm(tmp_path)
    suite.put(store, "k", LARGE)
    assert suite.read(store, "k") == LARGE


@some_damage
def test_damage_is_not_copied(
    store: LocalObjectStore, tmp_path: Path, body: bytes, harm: Callable[[Path], None]
) -> None:
    suite.put(store, "k", body)
    harm(tmp_path)

    async def work() -> None:
        found = await store.get(Address(suite.BUCKET, "k"))
        target = Address(suite.BUCKET, "copy")
        await store.copy(found, target, Attributes(), algorithm=None, condition=Condition())

    assert suite.refusal(work()).code == "InternalError"
    assert suite.keys(suite.page(store)) == ["k", "other"]


def test_a_part_is_not_made_of_a_file_that_is_cut(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.put(store, "k", LARGE)
    cut_file(tmp_path)
    upload = suite.new_upload(store, "target")

    async def work() -> None:
        found = await store.get(Address(suite.BUCKET, "k"))
        await store.copy_part(upload, 1, found, 0, len(LARGE))

    assert suite.refusal(work()).code == "InternalError"
    assert suite.run(store.parts(upload)) == []


def test_a_sealed_object_without_its_file_is_refused_and_named(
    store: LocalObjectStore, tmp_path: Path
) -> None:
    sealed.put_sealed(store, LARGE)
    lose_file(tmp_path)
    with pytest.raises(ServiceError, match="damaged"):
        sealed.read_sealed(store, 0, len(LARGE))
    assert len(store.damage.findings.damages) == 1


def test_findings_outlive_the_store(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path / "s3", durable=False)
    suite.new_bucket(store)
    suite.put(store, "k", LARGE)
    lose_file(tmp_path)
    with pytest.raises(ServiceError):
        suite.read(store, "k")
    store.close()
    again = LocalObjectStore(tmp_path / "s3", durable=False)
    assert [damage.what for damage in again.damage.findings.damages] == ["s3://a-bucket/k"]
    again.close()


def test_damage_deep_in_a_sealed_object_is_named(store: LocalObjectStore, tmp_path: Path) -> None:
    body = sealed.body_of(3 << 20)
    sealed.put_sealed(store, body)
    data = bytearray(blob(tmp_path).read_bytes())
    data[-1] ^= 1
    blob(tmp_path).write_bytes(data)
    with pytest.raises(ServiceError, match="does not match its seal"):
        sealed.read_sealed(store, 0, len(body))
    assert len(store.damage.findings.damages) == 1
