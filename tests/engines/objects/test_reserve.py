"""The space that is set aside, and what the store does when the disk is full."""

import asyncio
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagesse.core import sqlite
from sagesse.core.body import BytesUpload
from sagesse.core.error import ServiceError
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects.base import Address, Attributes, Condition, Deletion, Expectation
from sagesse.engines.objects.reserve import Reserve, give_room
from sagesse.testing import object_store as suite

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_database() -> sqlite3.Error:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    return error


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many bytes are free, in a list of one."""
    free = [1 << 30]
    allocate = os.posix_fallocate

    def limited(handle: int, offset: int, size: int) -> None:
        if size > free[0]:
            raise FULL
        allocate(handle, offset, size)

    monkeypatch.setattr(os, "posix_fallocate", limited)
    return free


def test_the_space_is_really_taken(tmp_path: Path) -> None:
    Reserve(tmp_path, 1 << 20)
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= 1 << 20


def test_it_is_given_away_once_and_only_for_a_full_disk(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path, 4096)
    assert not reserve.release_for(OSError(errno.EIO, "broken"))
    assert reserve.release_for(full_database())
    assert not (tmp_path / "reserve").exists()
    assert not reserve.release_for(full_database())


def test_nothing_is_stored_until_it_can_be_had_again(tmp_path: Path, disk: list[int]) -> None:
    reserve = Reserve(tmp_path, 4096)
    reserve.release_for(full_database())
    disk[0] = 0
    with pytest.raises(ServiceError, match="ServiceUnavailable") as caught:
        reserve.require()
    assert str(tmp_path) in caught.value.message
    disk[0] = 1 << 30
    reserve.require()
    assert (tmp_path / "reserve").stat().st_size == 4096


@pytest.mark.parametrize(("free", "is_kept"), [(1000, False), (1 << 30, True)])
def test_a_start_on_a_full_disk_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, is_kept: bool
) -> None:
    Reserve(tmp_path, 4096)
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    give_room(tmp_path)
    assert (tmp_path / "reserve").exists() == is_kept


def test_what_frees_space_is_done_again_with_it(tmp_path: Path) -> None:
    reserve, tries = Reserve(tmp_path, 4096), []

    async def work() -> str:
        tries.append((tmp_path / "reserve").exists())
        if tries[-1]:
            raise full_database()
        return "done"

    assert asyncio.run(reserve.spend(work)) == "done"
    assert tries == [True, False]


def test_a_deletion_succeeds_where_a_put_does_not(
    tmp_path: Path, disk: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalObjectStore(tmp_path / "s3", durable=False)
    suite.new_bucket(store)
    suite.put(store, "k", b"x")
    commit = sqlite._commit  # the seam below every write

    def refuses(connection: sqlite3.Connection, group: list, path: Path) -> float | None:
        if not (tmp_path / "s3" / "reserve").exists():
            return commit(connection, group, path)
        for job in group:
            job.failure = full_database()
        return None

    monkeypatch.setattr(sqlite, "_commit", refuses)
    disk[0] = 0
    with pytest.raises(sqlite3.OperationalError):
        suite.put(store, "new", b"x")
    suite.run(store.delete(suite.BUCKET, [Deletion("k")]))
    assert suite.keys(suite.page(store)) == []
    with pytest.raises(ServiceError, match="ServiceUnavailable"):
        suite.put(store, "new", b"x")
    disk[0] = 1 << 30
    monkeypatch.undo()
    suite.put(store, "new", b"x")
    store.close()


@pytest.mark.parametrize("call", ["pwritev", "fdatasync", "open"])
@pytest.mark.parametrize(
    ("number", "code", "status"),
    [
        (errno.ENOSPC, "ServiceUnavailable", 503),
        (errno.EDQUOT, "ServiceUnavailable", 503),
        (errno.EROFS, "ServiceUnavailable", 503),
        (errno.EIO, "InternalError", 500),
    ],
)
def test_what_the_disk_refuses_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, code: str, status: int
) -> None:
    store = LocalObjectStore(tmp_path / "s3")
    suite.new_bucket(store)
    suite.put(store, "k", b"before")
    real = getattr(os, call)

    def refuse(first: object, *more: object) -> object:
        if call == "open" and "/blobs/" not in str(first):
            return real(first, *more)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, refuse)
    put = store.put(
        Address(suite.BUCKET, "k"),
        BytesUpload(bytes(suite.LARGE)),
        Attributes(),
        expect=Expectation(),
        condition=Condition(),
    )
    error = suite.refusal(put)
    monkeypatch.undo()
    assert (error.code, error.status) == (code, status)
    assert suite.read(store, "k") == b"before"
    assert [path for path in tmp_path.glob("s3/blobs/*/*/*") if path.is_file()] == []
    suite.put(store, "k", bytes(suite.LARGE))
    store.close()
