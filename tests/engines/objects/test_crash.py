"""kill -9 amid puts, overwrites, deletes, copies and multipart uploads: nothing acknowledged is lost, nothing torn."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from sagesse.core.error import ServiceError
from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects.base import Address
from sagesse.testing.object_store import collect, run
from tests.engines.objects import writer

ROOT = Path(__file__).parents[3]
State: TypeAlias = "list[int] | None"


def kill_while_writing(folder: Path, number: int, lines: int) -> Iterator[tuple[str, str, State]]:
    """What a writer said that was killed after so many lines: (begin or done, key, state)."""
    command = [sys.executable, "-m", "tests.engines.objects.writer", str(folder), str(number)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"ready\n"
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
    process.wait()
    for line in said:
        if line.endswith(b"\n"):
            word, _, text = line.decode().split(" ", 2)
            yield (word, *json.loads(text))


def stored(store: LocalObjectStore, key: str) -> bytes | None:
    try:
        found = run(store.get(Address(writer.BUCKET, key)))
    except ServiceError as error:
        if error.code == "NoSuchKey":
            return None
        raise
    return run(collect(found.read(0, found.info.size_bytes)))


def files_and_blobs(folder: Path, store: LocalObjectStore) -> tuple[set[str], set[str]]:
    blobs = folder / "blobs"
    files = {str(file.relative_to(blobs)) for file in blobs.glob("*/*/*")}
    rows = store._database.reader.execute(
        "SELECT id FROM blob WHERE refs > 0"
    )  # the test looks behind the curtain
    return files, {row[0] for row in rows}


def crash_rounds(folder: Path, rounds: int) -> None:
    acknowledged: dict[str, State] = {}
    dice = random.Random(rounds)
    for number in range(rounds):
        begun: dict[str, State] = {}
        for word, key, state in kill_while_writing(folder, number, dice.randrange(20, 400)):
            if word == "done":
                acknowledged[key] = state
                begun.pop(key, None)
            else:
                begun[key] = state
        store = LocalObjectStore(folder, min_part_bytes=0, grace_s=0)
        for key in acknowledged | begun:
            allowed = [acknowledged.get(key), *([begun[key]] if key in begun else [])]
            found = stored(store, key)
            assert found in [None if state is None else writer.content(*state) for state in allowed], key
            acknowledged[key] = allowed[-1] if found is not None or allowed[-1] is None else allowed[0]
            if found is not None and found == (writer.content(*allowed[0]) if allowed[0] else None):
                acknowledged[key] = allowed[0]
        store.sweep()
        files, blobs = files_and_blobs(folder, store)
        assert files <= blobs
        store.close()


def test_nothing_acknowledged_is_lost_and_nothing_is_left_behind(tmp_path: Path) -> None:
    # About three seconds: every round starts an interpreter.
    crash_rounds(tmp_path / "s3", 5)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_crashes(tmp_path: Path) -> None:
    crash_rounds(tmp_path / "s3", 100)
