"""kill -9 amid changes of records: the journal has every event of what is stored, once and in order, and no other."""

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from sagesse.core.bus import Bus
from sagesse.core.clock import SystemClock
from sagesse.core.event import Event
from sagesse.core.journal import Journal
from sagesse.core.record import Listing
from sagesse.core.store_sqlite import SqliteStore
from sagesse.testing.store import SCOPE

ROOT = Path(__file__).parents[2]


def kill_while_writing(folder: Path, number: int, lines: int) -> None:
    command = [sys.executable, "-m", "tests.core.event_writer", str(folder), str(number)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    with process.stdout:
        for _ in range(lines):
            assert process.stdout.readline()
        process.kill()
        process.stdout.read()
    process.wait()


def crash_rounds(folder: Path, rounds: int) -> None:
    for number in range(rounds):
        kill_while_writing(folder, number, 20 + 37 * number)
        store = SqliteStore(folder / "records.db")
        journal = Journal(folder / "events.db", clock=SystemClock())
        Bus(journal, (store.outbox,)).move()
        told: dict[str, list[str]] = defaultdict(list)
        for entry in journal.entries(after=0, limit=100_000):
            assert isinstance(entry.message, Event)
            told[entry.message.detail_type].append(entry.message.detail["status"])
        records = store.list("test:Thing", SCOPE, Listing(limit=1000))
        assert told == {record.name: list(map(str, range(int(record.status) + 1))) for record in records}
        assert store.outbox.waiting(1) == []
        journal.close()
        store.close()


def test_no_event_is_lost_or_invented(tmp_path: Path) -> None:
    crash_rounds(tmp_path, 2)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_event_is_lost_or_invented_however_often(tmp_path: Path) -> None:
    crash_rounds(tmp_path, 15)
