"""What is kept of records: never what is not committed, never what was replaced."""

import threading
from pathlib import Path

import pytest

from sagesse.core import record_cache
from sagesse.core.record import Record
from sagesse.core.record_cache import RecordCache
from sagesse.core.store_sqlite import SqliteStore
from sagesse.testing.store import make_record

KEY, OTHER = make_record("r").key, make_record("other").key


class Commits:
    """A database that commits when told to."""

    def __init__(self) -> None:
        self.generation = 0


def read(cache: RecordCache, stored: bytes) -> tuple[bytes | None, bool]:
    """What the cache answers where `stored` is what the database has, and whether that was asked."""
    asked: list[bytes] = []

    def ask() -> bytes:
        asked.append(stored)
        return stored

    return cache.read(KEY, ask), bool(asked)


def test_a_record_is_read_once_until_it_changes() -> None:
    commits = Commits()
    cache = RecordCache(commits)
    assert read(cache, b"one") == (b"one", True)
    commits.generation += 1  # of other records
    assert read(cache, b"one") == (b"one", False)
    cache.changes(KEY)
    commits.generation += 1
    assert read(cache, b"two") == (b"two", True)


def test_what_is_read_beside_a_change_is_not_kept_for_afterwards() -> None:
    commits = Commits()
    cache = RecordCache(commits)
    read(cache, b"one")
    stamp = cache.changes(KEY)
    assert read(cache, b"one") == (b"one", True)
    commits.generation += 1
    assert read(cache, b"two") == (b"two", True)
    cache.changed(KEY, stamp, b"two")
    assert read(cache, b"two") == (b"two", False)


def test_what_was_written_is_known_without_being_read() -> None:
    commits = Commits()
    cache = RecordCache(commits)
    stamp = cache.changes(KEY)
    commits.generation += 1
    cache.changed(KEY, stamp, b"new")
    assert cache.find(KEY) == b"new"


def test_of_two_changes_in_a_transaction_the_last_counts() -> None:
    commits = Commits()
    cache = RecordCache(commits)
    first, last = cache.changes(KEY), cache.changes(KEY)
    commits.generation += 1
    cache.changed(KEY, last, b"last")
    cache.changed(KEY, first, b"first")
    assert cache.find(KEY) == b"last"


def test_a_change_that_was_not_committed_is_not_shown() -> None:
    commits = Commits()
    cache = RecordCache(commits)
    read(cache, b"one")
    cache.changes(KEY)  # and rolled back
    cache.changes(OTHER)
    commits.generation += 1
    assert read(cache, b"one")[0] == b"one"


def test_too_many_changes_to_know_hide_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_cache, "_MOST_CHANGES", 1)
    commits = Commits()
    cache = RecordCache(commits)
    read(cache, b"one")
    cache.changes(KEY)
    cache.changes(OTHER)
    commits.generation += 1
    assert read(cache, b"two") == (b"two", True)


def test_readers_beside_writers_never_go_back(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "records.db")
    store.insert(make_record("r"))
    backwards: list[tuple[int, int]] = []
    is_over = threading.Event()

    def watch() -> None:
        last = 0
        while not is_over.is_set():
            record = store.get(KEY)
            assert record is not None
            if record.version < last:
                backwards.append((last, record.version))
            last = record.version

    def same(record: Record) -> Record:
        return record

    readers = [threading.Thread(target=watch) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, 200):
        written = store.update(KEY, same)
        seen = store.get(KEY)
        assert written is not None
        assert seen is not None
        assert seen.version == written.version == number
    is_over.set()
    for reader in readers:
        reader.join()
    store.close()
    assert backwards == []
