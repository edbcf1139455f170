"""A scrub of a data directory: it finds what was damaged, all of it and nothing else."""

import os
import sqlite3
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagesse.core.damage import DamageBook, read_findings
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects.base import Address, ListQuery
from sagesse.engines.objects.scrub import Progress, Scrub
from sagesse.testing import object_seal as sealed
from sagesse.testing import object_store as suite
from sagesse.testing.object_version import new_versioned_bucket

LARGE = os.urandom(300_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalObjectStore]:
    store = LocalObjectStore(tmp_path / "objects", min_part_bytes=0, durable=False)
    suite.new_bucket(store)
    yield store
    store.close()


def scrub(folder: Path, **more: Any) -> Progress:
    more = {"opens": lambda _: None, "rate_bytes": 0, **more}
    return Scrub(folder, DamageBook(folder / "damage.json"), **more).run()


def found(folder: Path, **more: Any) -> list[str]:
    return [damage.what for damage in scrub(folder, **more).damages]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("objects/blobs/*/*/*") if path.is_file()]


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def composite(store: LocalObjectStore, key: str) -> None:
    upload = suite.new_upload(store, key, "SHA256", "COMPOSITE")
    pieces = [LARGE, LARGE, b"end"]
    parts = [suite.put_part(store, upload, number, piece) for number, piece in enumerate(pieces, 1)]
    suite.complete(store, upload, *parts)


def test_a_sound_store_has_no_damage(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.put(store, "small", b"s")
    suite.put(store, "empty", b"")
    suite.put(store, "large", LARGE)
    composite(store, "composite")
    suite.put_part(store, suite.new_upload(store, "in progress"), 1, LARGE)
    progress = scrub(tmp_path)
    assert progress.damages == []
    assert (progress.phase, progress.objects, progress.unchecked, progress.orphans) == ("done", 4, 0, 0)
    assert progress.size_bytes == 1 + 4 * len(LARGE) + 3
    assert progress.total_bytes == progress.size_bytes - len(LARGE)


@given(place=st.floats(0, 1, exclude_max=True), name=st.sampled_from(["large", "composite"]))
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
def test_a_flipped_byte_is_found_wherever_it_is(
    tmp_path_factory: pytest.TempPathFactory, place: float, name: str
) -> None:
    tmp_path = tmp_path_factory.mktemp("data")
    store = LocalObjectStore(tmp_path / "objects", min_part_bytes=0, durable=False)
    suite.new_bucket(store)
    suite.put(store, "large", LARGE) if name == "large" else composite(store, name)
    sizes = [(path, path.stat().st_size) for path in files(tmp_path)]
    at = int(place * sum(size for _, size in sizes))
    for path, size in sizes:
        if 0 <= at < size:
            flip(path, at)
        at -= size
    assert found(tmp_path) == [f"s3://a-bucket/{name}"]
    store.close()


def test_a_file_that_is_gone_or_cut_is_found(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.put(store, "gone", LARGE)
    files(tmp_path)[0].unlink()
    suite.put(store, "cut", LARGE)
    os.truncate(files(tmp_path)[0], 10)
    progress = scrub(tmp_path)
    problems = {damage.what: damage.problem for damage in progress.damages}
    assert "missing" in problems["s3://a-bucket/gone"]
    assert "ends at byte 10" in problems["s3://a-bucket/cut"]


def test_a_past_version_is_looked_at(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path / "objects", durable=False)
    new_versioned_bucket(store)
    old = suite.put(store, "k", LARGE).version
    flip(files(tmp_path)[0], 7)
    suite.put(store, "k", b"new")
    assert found(tmp_path) == [f"s3://a-bucket/k version {old}"]
    store.close()


def test_a_part_in_progress_is_looked_at(store: LocalObjectStore, tmp_path: Path) -> None:
    upload = suite.new_upload(store, "k")
    suite.put_part(store, upload, 1, LARGE)
    flip(files(tmp_path)[0], 7)
    assert found(tmp_path) == [f"s3://a-bucket/k part 1 of upload {upload.id}"]


def test_a_small_object_is_looked_at(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.put(store, "k", b"small")
    with sqlite3.connect(tmp_path / "objects" / "index.db") as index:
        index.execute("UPDATE body SET data=?", (b"smell",))
    index.close()
    assert found(tmp_path) == ["s3://a-bucket/k"]


def test_sealed_objects_are_opened_where_the_key_is_at_hand(store: LocalObjectStore, tmp_path: Path) -> None:
    sealed.put_sealed(store, LARGE)
    assert scrub(tmp_path).unchecked == 1
    assert scrub(tmp_path, opens=lambda _: sealed.KEY).unchecked == 0
    flip(files(tmp_path)[0], 200_000)
    assert found(tmp_path) == []
    assert found(tmp_path, opens=lambda _: sealed.KEY) == ["s3://a-bucket/k"]


def test_a_sealed_file_that_is_cut_is_found_without_any_key(store: LocalObjectStore, tmp_path: Path) -> None:
    sealed.put_sealed(store, LARGE)
    os.truncate(files(tmp_path)[0], len(LARGE))
    assert found(tmp_path) == ["s3://a-bucket/k"]


def test_files_that_belong_to_nothing_are_counted(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.put(store, "k", LARGE)
    (files(tmp_path)[0].parent / "stray").write_bytes(b"123")
    progress = scrub(tmp_path)
    assert (progress.orphans, progress.orphan_bytes, progress.damages) == (1, 3, [])
    assert scrub(tmp_path, is_live=True).orphans == 0  # it may be an upload that has begun just now


def test_a_damaged_database_is_found(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path / "objects", durable=False)
    suite.new_bucket(store)
    for number in range(400):
        suite.put(store, f"key-{number}", b"x" * 3000)
    store.close()
    index = tmp_path / "objects" / "index.db"
    with index.open("r+b") as file:
        file.seek(60 * 4096)
        file.write(b"\xa5" * 4096 * 20)
    assert str(index) in found(tmp_path)


def test_what_is_no_database_any_more_is_found(store: LocalObjectStore, tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"no database, but long enough to be taken for one" * 100)
    assert found(tmp_path) == [str(tmp_path / "records.db")]


def test_a_clean_scrub_ends_what_was_known(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.put(store, "k", LARGE)
    data = files(tmp_path)[0].read_bytes()
    flip(files(tmp_path)[0], 1)
    scrub(tmp_path)
    assert len(read_findings(tmp_path / "damage.json").damages) == 1
    files(tmp_path)[0].write_bytes(data)
    scrub(tmp_path)
    findings = read_findings(tmp_path / "damage.json")
    assert findings.damages == ()
    assert findings.scrubbed > 0


def test_what_cannot_be_looked_into_stays_known(store: LocalObjectStore, tmp_path: Path) -> None:
    sealed.put_sealed(store, LARGE)
    DamageBook(tmp_path / "damage.json").note("s3://a-bucket/k", "its bytes were changed")
    assert found(tmp_path) == ["s3://a-bucket/k"]
    assert [damage.what for damage in read_findings(tmp_path / "damage.json").damages] == ["s3://a-bucket/k"]
    assert found(tmp_path, opens=lambda _: sealed.KEY) == []


def test_what_cannot_be_looked_into_is_forgotten_once_it_was_put_again(
    store: LocalObjectStore, tmp_path: Path
) -> None:
    earlier = DamageBook(tmp_path / "damage.json", now=lambda: 1.0)
    earlier.note("s3://a-bucket/k", "its bytes were changed")
    sealed.put_sealed(store, LARGE)
    assert found(tmp_path) == []


def test_an_object_that_is_replaced_meanwhile_is_not_damaged(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.put(store, "k", LARGE)
    path = files(tmp_path)[0]

    scrub = Scrub(tmp_path, DamageBook(tmp_path / "damage.json"), lambda _: None, rate_bytes=0)
    look = scrub._verifier.object

    def replaced_first(row: Any) -> Any:
        suite.put(store, "k", b"another")
        path.unlink()
        return look(row)

    scrub._verifier.object = replaced_first  # type: ignore[method-assign]
    assert scrub.run().damages == []


def test_the_rate_is_bounded(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.put(store, "k", LARGE)
    progress = scrub(tmp_path, rate_bytes=len(LARGE) * 4)
    assert progress.seconds >= 0.25


def test_a_scrub_that_is_stopped_keeps_what_was_known(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.put(store, "k", LARGE)
    flip(files(tmp_path)[0], 1)
    scrub(tmp_path)
    halted = Scrub(tmp_path, DamageBook(tmp_path / "damage.json"), lambda _: None, rate_bytes=1)
    thread = threading.Thread(target=halted.run)
    halted.stop()
    thread.start()
    thread.join(30)
    assert halted.progress.phase != "done"
    assert len(read_findings(tmp_path / "damage.json").damages) == 1


def test_memory_stays_flat(store: LocalObjectStore, tmp_path: Path) -> None:
    upload = suite.new_upload(store, "k")
    suite.complete(store, upload, *(suite.put_part(store, upload, n, bytes(8 << 20)) for n in (1, 2, 3)))
    tracemalloc.start()
    scrub(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_scrubbing_changes_nothing(store: LocalObjectStore, tmp_path: Path) -> None:
    suite.put(store, "k", LARGE)
    before = suite.run(store.page(suite.BUCKET, ListQuery()))
    scrub(tmp_path)
    assert suite.run(store.page(suite.BUCKET, ListQuery())) == before
    assert suite.run(store.get(Address(suite.BUCKET, "k"))).info.size_bytes == len(LARGE)


def test_rows_that_cannot_be_read_are_found_one_by_one(store: LocalObjectStore, tmp_path: Path) -> None:
    for key in ("a", "b", "c"):
        suite.put(store, key, b"x")
    suite.new_bucket(store, "spoiled")
    with sqlite3.connect(tmp_path / "objects" / "index.db") as index:
        index.execute("UPDATE object SET details=x'c1' WHERE key='b'")
        index.execute("UPDATE object SET checksum='nonsense' WHERE key='c'")
        index.execute("UPDATE bucket SET record=x'c1' WHERE name='spoiled'")
    index.close()
    assert found(tmp_path) == ["s3://spoiled", "s3://a-bucket/b", "s3://a-bucket/c"]
