import sqlite3
import threading
from pathlib import Path

import pytest

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
