"""Versions of the local store beyond what every store must do."""

import sqlite3
from pathlib import Path

import pytest

from sagesse.core.error import ServiceError
from sagesse.engines.objects import LocalObjectStore
from sagesse.testing.clock import HandClock
from sagesse.testing.object_store import keys, new_bucket, page, put, read, run
from sagesse.testing.object_version import delete, listed, new_versioned_bucket, read_version, version


def test_versions_stay_in_order_when_the_clock_goes_back(tmp_path: Path) -> None:
    clock = HandClock()
    store = LocalObjectStore(tmp_path / "s3", clock=clock, durable=False)
    new_versioned_bucket(store)
    ids: list[str | None] = []
    for seconds in (0, -100, 0, 50):
        clock.turn(seconds)
        ids.append(put(store, "k", b"x").version)
        ids.append(delete(store, "k").version)
    assert [name for _, name, _, _ in listed(store)] == ids[::-1]
    store.close()


def test_an_index_from_before_versions_is_brought_up_to_date(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path / "s3", durable=False)
    new_bucket(store)
    put(store, "k", b"before")
    store.close()
    old = sqlite3.connect(tmp_path / "s3" / "index.db")
    old.execute("ALTER TABLE object RENAME COLUMN number TO is_latest")
    old.execute("UPDATE object SET is_latest = 1")
    old.execute("DROP TABLE version")
    old.commit()
    old.close()
    store = LocalObjectStore(tmp_path / "s3", durable=False)
    assert (keys(page(store)), read(store, "k")) == (["k"], b"before")
    version(store, "Enabled")
    put(store, "k", b"after")
    assert read_version(store, "k", "null") == b"before"
    store.close()


def test_an_index_of_version_ids_is_no_longer_needed(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path / "s3", durable=False)
    new_versioned_bucket(store)
    first = put(store, "k", b"1")
    put(store, "k", b"2")
    store.close()
    old = sqlite3.connect(tmp_path / "s3" / "index.db")
    old.execute("CREATE UNIQUE INDEX version_id ON version (bucket, key, version)")
    old.close()
    store = LocalObjectStore(tmp_path / "s3", durable=False)
    assert read_version(store, "k", first.version) == b"1"
    store.close()
    assert "version_id" not in indexes(tmp_path / "s3" / "index.db")


def test_an_invented_version_is_not_there(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path / "s3", durable=False)
    new_versioned_bucket(store)
    for body in (b"1", b"2"):
        put(store, "k", body)
    for invented in ("0" * 32, "f" * 32, f"{1 << 63:x}{0:016x}"):
        with pytest.raises(ServiceError) as refused:
            read_version(store, "k", invented)
        assert refused.value.code == "NoSuchVersion"
    store.close()


def indexes(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='index'")}
    connection.close()
    return names


def test_a_shared_file_lives_as_long_as_one_version_needs_it(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path / "s3", durable=False, grace_s=0, inline_bytes=10)
    new_versioned_bucket(store)
    first, second = put(store, "k", b"1" * 100), put(store, "k", b"2" * 100)
    delete(store, "k", first.version)
    store.sweep()
    assert len(list((tmp_path / "s3" / "blobs").glob("*/*/*"))) == 1
    assert read_version(store, "k", second.version) == b"2" * 100
    run(store.wipe())
    assert listed_files_after_reopening(tmp_path, store) == []


def listed_files_after_reopening(folder: Path, store: LocalObjectStore) -> list[Path]:
    store.close()
    again = LocalObjectStore(folder / "s3", durable=False, grace_s=0)
    again.sweep()
    again.close()
    return list((folder / "s3" / "blobs").glob("*/*/*"))
