"""A process that changes records, each change with its event, while a bus moves them; made to be killed.

Usage: event_writer.py FOLDER ROUND. Prints a line per acknowledged change.
"""

import os
import sys
import threading
from pathlib import Path

import msgspec

from sagesse.core.bus import Bus
from sagesse.core.clock import SystemClock
from sagesse.core.event import Event, new_event
from sagesse.core.journal import Journal
from sagesse.core.record import Record, Told
from sagesse.core.store_sqlite import SqliteStore
from sagesse.testing.store import SCOPE, make_record

WORKERS = 3


def event_of(name: str, status: str) -> Event:
    return new_event("test", name, SCOPE, [], {"status": status}, now=1.0)


def work(store: SqliteStore, name: str) -> None:
    record = store.insert(make_record(name, status="0"), event_of(name, "0"))
    os.write(1, b"made\n")

    def change(current: Record) -> Told:
        status = str(int(current.status) + 1)
        return Told(msgspec.structs.replace(current, status=status), [event_of(name, status)])

    while True:
        store.update(record.key, change)
        os.write(1, b"changed\n")


def main(folder: Path, number: str) -> None:
    store = SqliteStore(folder / "records.db")
    bus = Bus(Journal(folder / "events.db", clock=SystemClock()), (store.outbox,))
    bus.start()
    for worker in range(WORKERS):
        threading.Thread(target=work, args=(store, f"{number}-{worker}"), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
