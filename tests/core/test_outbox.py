"""What was forgotten leaves the disk without a commit of its own, and is told once although it was still there."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagesse.core.bus import Bus
from sagesse.core.journal import Journal
from sagesse.core.outbox import OUTBOX_SCHEMA, SqliteOutbox
from sagesse.core.sqlite import Database
from sagesse.testing.clock import HandClock
from sagesse.testing.store import make_event


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "store.db", OUTBOX_SCHEMA)
    yield database
    database.close()


def _tell(database: Database, outbox: SqliteOutbox, name: str) -> None:
    def work(connection: sqlite3.Connection) -> None:
        outbox.add(connection, (make_event(name),))

    database.write(work)


def _stored(database: Database) -> int:
    return database.reader.execute("SELECT count(*) FROM outbox").fetchone()[0]


def test_forgetting_writes_nothing(database: Database) -> None:
    outbox = SqliteOutbox(database)
    _tell(database, outbox, "a")
    ((number, _),) = outbox.waiting(9)
    before = database.generation
    outbox.forget(number)
    assert outbox.waiting(9) == []
    assert database.generation == before


def test_what_was_forgotten_goes_with_the_next_message(database: Database) -> None:
    outbox = SqliteOutbox(database)
    _tell(database, outbox, "a")
    outbox.forget(outbox.waiting(9)[-1][0])
    _tell(database, outbox, "b")
    assert _stored(database) == len(outbox.waiting(9)) == 1


def test_or_when_the_outbox_is_cleaned(database: Database) -> None:
    outbox = SqliteOutbox(database)
    _tell(database, outbox, "a")
    outbox.forget(outbox.waiting(9)[-1][0])
    outbox.clean()
    assert _stored(database) == 0


@pytest.mark.parametrize("is_swept", [False, True])
def test_after_a_crash_nothing_is_told_twice(tmp_path: Path, database: Database, is_swept: bool) -> None:
    clock = HandClock()
    journal = Journal(tmp_path / "events.db", clock=clock, kept_s=1)
    outbox = SqliteOutbox(database)
    _tell(database, outbox, "a")
    bus = Bus(journal, (outbox,))
    bus.move()
    if is_swept:  # the journal would not know it again
        clock.turn(10)
        bus.sweep()
        assert journal.entries(after=0, limit=9) == []
    last = journal.last
    Bus(journal, (SqliteOutbox(database),)).move()
    assert journal.entries(after=last, limit=9) == []
    journal.close()
