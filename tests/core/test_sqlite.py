import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagesse.core import sqlite
from sagesse.core.fault import fault_of
from sagesse.core.sqlite import Database

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS t (k TEXT PRIMARY KEY, v INTEGER)",
    "CREATE TABLE IF NOT EXISTS said (n INTEGER PRIMARY KEY, k TEXT, v INTEGER)",
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "t.db", SCHEMA)
    yield database
    database.close()


@pytest.fixture(params=["loop", "thread"])
def place(request: pytest.FixtureRequest, database: Database) -> str:
    """Where the writes of an event loop are committed: on a quick disk, on a slow one."""
    database._usual_s = 1e-9 if request.param == "loop" else 1e9
    return request.param


def _put(key: str, value: int):
    return lambda connection: connection.execute("INSERT INTO t VALUES (?,?)", (key, value))


def _say(key: str, value: int):
    return lambda connection: connection.execute("INSERT INTO said (k, v) VALUES (?,?)", (key, value))


def _keys(database: Database) -> list[str]:
    return [row[0] for row in database.reader.execute("SELECT k FROM t ORDER BY k")]


def _said(database: Database, key: str) -> list[int]:
    return [row[0] for row in database.reader.execute("SELECT v FROM said WHERE k=? ORDER BY n", (key,))]


def test_a_write_is_seen_by_the_next_read(database: Database) -> None:
    database.write(_put("a", 1))
    assert _keys(database) == ["a"]


def test_a_write_of_the_loop_is_seen_by_the_next_read(database: Database, place: str) -> None:
    asyncio.run(database.write_async(_put("a", 1)))
    assert _keys(database) == ["a"]


def test_a_failing_write_leaves_nothing(database: Database) -> None:
    def half(connection: sqlite3.Connection) -> None:
        _put("a", 1)(connection)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.write(half)
    database.write(_put("b", 1))
    assert _keys(database) == ["b"]


def test_a_failing_write_undoes_only_itself(database: Database, place: str) -> None:
    def half(connection: sqlite3.Connection) -> None:
        _put("c", 1)(connection)
        _put("a", 2)(connection)

    async def work() -> list[Any]:
        wishes = [database.write_async(job) for job in (_put("a", 1), half, _put("b", 1))]
        return await asyncio.gather(*wishes, return_exceptions=True)

    outcomes = asyncio.run(work())
    assert isinstance(outcomes[1], sqlite3.IntegrityError)
    assert _keys(database) == ["a", "b"]


def test_a_commit_that_fails_is_everybodys_failure(database: Database, place: str) -> None:
    async def work() -> list[Any]:
        wishes = [database.write_async(job) for job in (_put("a", 1), lambda c: c.execute("COMMIT"))]
        return await asyncio.gather(*wishes, return_exceptions=True)

    assert all(isinstance(outcome, sqlite3.OperationalError) for outcome in asyncio.run(work()))
    database.write(_put("b", 1))  # and the next one is no victim of it
    assert "b" in _keys(database)


def test_writes_of_many_threads_all_arrive(database: Database) -> None:
    def work(number: int) -> None:
        for step in range(20):
            database.write(_put(f"{number}-{step}", step))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(_keys(database)) == 160


def test_writes_of_threads_and_of_the_loop_keep_their_order(database: Database, place: str) -> None:
    def work(key: str) -> None:
        for number in range(30):
            database.write(_say(key, number))

    async def all_of_them() -> None:
        threads = [asyncio.to_thread(work, key) for key in ("x", "y")]
        await asyncio.gather(*threads, *(database.write_async(_say("z", number)) for number in range(100)))

    asyncio.run(all_of_them())
    assert _said(database, "x") == _said(database, "y") == list(range(30))
    assert _said(database, "z") == list(range(100))


def test_what_one_tick_brings_shares_a_commit(database: Database, place: str) -> None:
    async def work() -> None:
        await asyncio.gather(*(database.write_async(_put(str(number), number)) for number in range(8)))

    before = database.generation
    asyncio.run(work())
    assert database.generation == before + 1


def test_the_loop_commits_itself_on_a_quick_disk_only(database: Database, place: str) -> None:
    ran_in = asyncio.run(database.write_async(lambda _: threading.current_thread()))
    assert (ran_in is threading.current_thread()) == (place == "loop")


def test_a_disk_proves_quick_or_slow_as_it_is_used(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, took_s = sqlite._commit, 0.01
    monkeypatch.setattr(sqlite, "_commit", lambda *work: commit(*work) and took_s)

    async def is_committed_here() -> bool:
        for number in range(60):
            await database.write_async(_say("k", number))
        ran_in = await database.write_async(lambda _: threading.current_thread())
        return ran_in is threading.current_thread()

    assert not asyncio.run(is_committed_here())
    took_s = 0.0001
    assert asyncio.run(is_committed_here())
    took_s = 0.01
    assert not asyncio.run(is_committed_here())


def test_writes_that_fail_say_nothing_of_the_disk(database: Database) -> None:
    def fail(_: sqlite3.Connection) -> None:
        raise ValueError("no")

    before = database._usual_s
    for _ in range(20):
        with pytest.raises(ValueError, match="no"):
            database.write(fail)
    assert database._usual_s == before


def test_a_large_group_is_not_for_the_loop(database: Database) -> None:
    database._usual_s = 1e-9

    async def work() -> set[threading.Thread]:
        jobs = [database.write_async(lambda _: threading.current_thread()) for _ in range(100)]
        return set(await asyncio.gather(*jobs))

    assert threading.current_thread() not in asyncio.run(work())


def test_the_loop_waits_for_no_thread_that_commits(database: Database) -> None:
    database._usual_s = 1e-9
    began, gate = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        began.set()
        assert gate.wait(10)

    async def work() -> None:
        holding = asyncio.create_task(asyncio.to_thread(database.write, hold))
        await asyncio.to_thread(began.wait, 10)
        writing = asyncio.create_task(database.write_async(_put("a", 1)))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not writing.done()
        gate.set()
        await asyncio.gather(holding, writing)

    asyncio.run(work())
    assert _keys(database) == ["a"]


def test_a_write_whose_caller_is_cancelled_still_happens(database: Database, place: str) -> None:
    heard = threading.Event()

    async def work() -> None:
        write = asyncio.create_task(database.write_async(_put("a", 1), settled=lambda _: heard.set()))
        await asyncio.sleep(0)
        write.cancel()
        with pytest.raises(asyncio.CancelledError):
            await write
        await database.write_async(_put("b", 1))

    asyncio.run(work())
    assert heard.is_set()
    assert _keys(database) == ["a", "b"]


def test_settled_hears_the_outcome_before_the_caller(database: Database, place: str) -> None:
    heard: list[bool] = []

    async def work() -> None:
        await database.write_async(_put("a", 1), settled=heard.append)
        assert heard == [True]
        with pytest.raises(sqlite3.IntegrityError):
            await database.write_async(_put("a", 1), settled=heard.append)

    asyncio.run(work())
    assert heard == [True, False]


def test_a_loop_that_ended_with_a_write_does_not_hold_up_the_next(database: Database, place: str) -> None:
    async def leave() -> None:
        write = asyncio.create_task(database.write_async(_put("a", 1)))
        await asyncio.sleep(0)
        write.cancel()

    asyncio.run(leave())
    asyncio.run(database.write_async(_put("b", 1)))
    assert _keys(database) == ["a", "b"]


def test_close_finishes_what_waits(tmp_path: Path) -> None:
    database = Database(tmp_path / "t.db", SCHEMA)

    async def leave() -> None:
        write = asyncio.create_task(database.write_async(_put("a", 1)))
        await asyncio.sleep(0)
        database.close()
        await write

    asyncio.run(leave())
    again = Database(tmp_path / "t.db", SCHEMA)
    assert _keys(again) == ["a"]
    again.close()


def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError):
        database.reader.execute("INSERT INTO t VALUES ('x', 1)")


_WRITER = """
import asyncio, os, signal, sys
from pathlib import Path
from sagesse.core import sqlite
from sagesse.core.fault import fault_of
from sagesse.core.sqlite import Database

database = Database(Path(sys.argv[1]), ("CREATE TABLE t (k TEXT, v INTEGER)",), log_bytes=1 << 20)
database._usual_s = float(sys.argv[2])

async def work():
    for number in range(20):
        await database.write_async(lambda c: c.execute("INSERT INTO t VALUES ('a', ?)", (number,)))
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(work())
"""


@pytest.mark.parametrize("usual_s", ["1e-9", "1e9"])
def test_what_was_answered_survives_the_death_of_the_process(tmp_path: Path, usual_s: str) -> None:
    ended = subprocess.run([sys.executable, "-c", _WRITER, str(tmp_path / "t.db"), usual_s], check=False)
    assert ended.returncode == -signal.SIGKILL
    connection = sqlite3.connect(tmp_path / "t.db")
    assert connection.execute("SELECT count(*) FROM t").fetchone()[0] == 20
    connection.close()


def test_a_log_that_was_made_large_is_read_again(tmp_path: Path) -> None:
    for number in range(3):
        database = Database(tmp_path / "t.db", SCHEMA, log_bytes=1 << 20)
        assert (tmp_path / "t.db-wal").stat().st_size == 1 << 20
        database.write(_put(str(number), number))
        assert _keys(database) == [str(each) for each in range(number + 1)]
        database.close()


def test_the_log_starts_again_while_writes_go_on(tmp_path: Path) -> None:
    database = Database(tmp_path / "t.db", SCHEMA, durable=False)

    async def work() -> None:
        for number in range(4000):
            await database.write_async(_put(str(number), number))

    asyncio.run(work())
    pages_written = 4000 * 2
    assert (tmp_path / "t.db-wal").stat().st_size < pages_written * 4096 / 2
    database.close()


def test_a_full_disk_fails_the_whole_group_and_the_writer_lives_on(database: Database, place: str) -> None:
    database.write(lambda connection: connection.execute("PRAGMA max_page_count=5").fetchone())

    def fill(connection: sqlite3.Connection) -> None:
        for number in range(1000):
            connection.execute("INSERT INTO t VALUES (?,?)", (f"{number}" * 100, number))

    async def work() -> list[Any]:
        wishes = [database.write_async(job) for job in (_put("before", 1), fill, _put("after", 2))]
        return await asyncio.gather(*wishes, return_exceptions=True)

    faults = [fault_of(failure) for failure in asyncio.run(work())]
    assert {fault.kind for fault in faults if fault} == {"full"}
    assert all(fault and fault.where == str(database._path) for fault in faults)
    with pytest.raises(sqlite3.OperationalError):
        database.write(fill)  # alone
    database.write(_put("later", 3))
    assert _keys(database) == ["later"]


def test_close_finishes_what_waits_even_where_a_checkpoint_is_due(tmp_path: Path) -> None:
    database = Database(tmp_path / "t.db", SCHEMA, durable=False)
    database._commits = 127  # the next commit asks for one

    async def leave() -> None:
        writes = [asyncio.create_task(database.write_async(_put(f"{n:03}", n))) for n in range(300)]
        await asyncio.sleep(0)
        database.close()
        await asyncio.gather(*writes)

    asyncio.run(leave())
    again = Database(tmp_path / "t.db", SCHEMA)
    assert len(_keys(again)) == 300
    again.close()
