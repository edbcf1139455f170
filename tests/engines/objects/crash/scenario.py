"""What the crash tests have in common: sequences of steps, and what no crash may leave."""

import os
import random
from pathlib import Path

from sagesse.engines.objects import LocalObjectStore
from tests.engines.objects.crash.step import Step

ROUNDS = int(os.environ.get("SAGESSE_CRASH_ROUNDS", "5"))
STARTING: list[Step] = [
    ("put", "plain", "a", 1, 700),
    ("put", "versioned", "a", 2, 9_000),
    ("put", "versioned", "a", 3, 700),
    ("delete", "suspended", "b"),
]
EVERYTHING: list[Step] = [
    ("put", "plain", "a", 4, 9_000),
    ("put", "suspended", "b", 5, 9_000),
    ("begin", "versioned", "upload"),
    ("part", "versioned", "upload", 1, 6, 9_000),
    ("part", "versioned", "upload", 2, 7, 700),
    ("copy", "plain", "b", "versioned", "a"),
    ("tag", "plain", "b", "x"),
    ("complete", "versioned", "upload"),
    ("hold", "versioned", "a", True),
    ("drop", "versioned", "a", 0),
    ("drop", "versioned", "a", 1),
    ("begin", "plain", "other"),
    ("part", "plain", "other", 1, 8, 9_000),
    ("abort", "plain", "other"),
    ("delete", "plain", "a"),
]
KNOWN_FILES = {"lock", "index.db", "index.db-wal", "index.db-shm", "index.db-journal", "blobs", "reserve"}


def assert_nothing_is_left_behind(folder: Path, store: LocalObjectStore) -> None:
    """No file that no row holds, no row that holds nothing, no file of another kind."""
    rows = dict(store._database.reader.execute("SELECT id, refs FROM blob").fetchall())
    files = {str(file.relative_to(folder / "blobs")) for file in folder.glob("blobs/*/*/*")}
    assert files <= rows.keys()
    assert all(refs > 0 for refs in rows.values())
    assert {entry.name for entry in folder.iterdir()} <= KNOWN_FILES


def spread(count: int, most: int, dice: random.Random) -> list[int]:
    """At most so many of the numbers from 1 to `count`, evenly spread."""
    pace = max(1, -(-count // most))
    return list(range(1 + dice.randrange(pace), count + 1, pace))
