import sqlite3
import threading
from pathlib import Path

import pytest

from sagesse.core.fault import fault_of
from sagesse.core.sqlite import Database

SCHEMA = ("CREATE TABLE IF NOT EXISTS t (k TEXT PRIMARY KEY, v INTEGER)",)


@pytest.fixture
def database(tmp_path: Path):
    database = Database(tmp_path / "t.db", SCHEMA)
    yield database
    database.close()


def _put(key: str, value: int):
    return lambda connection: connection.execute("INSERT INTO t VALUES (?,?)", (key, value))


def test_a_write_is_seen_by_the_next_read(database: Database) -> None:
    database.write(_put("a", 1))
    assert database.reader.execute("SELECT v FROM t WHERE k='a'").fetchone()[0] == 1


def test_a_failing_write_undoes_only_itself(database: Database) -> None:
    futures = [database.submit(_put(key, 1)) for key in ("a", "a", "b")]
    with pytest.raises(sqlite3.IntegrityError):
        futures[1].result()
    futures[2].result()
    assert database.reader.execute("SELECT count(*) FROM t").fetchone()[0] == 2


def test_writes_of_many_threads_all_arrive(database: Database) -> None:
    def work(number: int) -> None:
        for step in range(20):
            database.write(_put(f"{number}-{step}", step))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.reader.execute("SELECT count(*) FROM t").fetchone()[0] == 160


def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError):
        database.reader.execute("INSERT INTO t VALUES ('x', 1)")


def test_a_cancelled_write_harms_no_other(database: Database) -> None:
    gate = threading.Event()
    held = database.submit(lambda _: gate.wait(10))
    cancelled = database.submit(_put("a", 1))
    last = database.submit(_put("b", 2))
    assert cancelled.cancel()
    gate.set()
    assert held.result()
    last.result()
    assert [row[0] for row in database.reader.execute("SELECT k FROM t")] == ["b"]


def test_a_full_disk_fails_the_whole_group_and_the_writer_lives_on(tmp_path: Path) -> None:
    database = Database(tmp_path / "t.db", SCHEMA)
    database.write(lambda connection: connection.execute("PRAGMA max_page_count=4").fetchone())

    def fill(connection: sqlite3.Connection) -> None:
        for number in range(1000):
            connection.execute("INSERT INTO t VALUES (?,?)", (f"{number}" * 100, number))

    gate = threading.Event()
    held = database.submit(lambda _: gate.wait(10))
    futures = [database.submit(work) for work in (_put("before", 1), fill, _put("after", 2))]
    gate.set()
    held.exception()  # it may be of the same group
    failures = [future.exception() for future in futures]
    faults = [fault_of(failure) for failure in failures if failure is not None]
    assert {fault.kind for fault in faults if fault} == {"full"}
    assert all(str(tmp_path / "t.db") == fault.where for fault in faults if fault)
    database.write(_put("later", 3))
    kept = {row[0] for row in database.reader.execute("SELECT k FROM t")}
    acknowledged = {
        name for name, failure in zip(("before", "", "after"), failures, strict=True) if failure is None
    }
    assert kept == acknowledged | {"later"}
    database.close()
