"""kill -9 amid writes and deletions of versions: none that was acknowledged is lost, none deleted comes back."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from sagesse.engines.objects import LocalObjectStore
from sagesse.engines.objects.base import Address, ListQuery
from sagesse.testing.object_store import collect, run
from tests.engines.objects import version_writer as writer
from tests.engines.objects.test_crash import ROOT, files_and_blobs

Name = tuple[str, str]
"""Key and version."""
Content = tuple[int, int]
"""What its bytes are made from, and their number; -1: it is a marker."""


class Told:
    """What the writers said: versions that must be there, that may be there, and which of them are news."""

    def __init__(self) -> None:
        self.made: dict[Name, Content] = {}
        self.perhaps: dict[Name, Content] = {}
        self.news: set[Name] = set()

    def hear(self, lines: list[bytes]) -> set[str]:
        """Take in one process's lines; the keys it was writing when it was killed."""
        begun: set[str] = set()
        known = set(self.made)
        for line in lines:
            match line.decode().split():
                case ["put", key]:
                    begun.add(key)
                case ["made", key, version, seed, size]:
                    begun.discard(key)
                    self.made[key, version] = (int(seed), int(size))
                case ["drop", key, version]:
                    self.perhaps[key, version] = self.made.pop((key, version))
                case ["dropped", key, version]:
                    del self.perhaps[key, version]
        self.news = (self.made.keys() - known) | self.perhaps.keys()
        return begun


def lines_until_killed(folder: Path, number: int, count: int) -> list[bytes]:
    command = [sys.executable, "-m", "tests.engines.objects.version_writer", str(folder), str(number)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"ready\n"
        said = [process.stdout.readline() for _ in range(count)]
        process.kill()
        said += process.stdout.readlines()
    process.wait()
    return [line for line in said if line.endswith(b"\n")]


def check(store: LocalObjectStore, told: Told, begun: set[str], *, reads_all: bool) -> None:
    """All that must be there is, and nothing else; of the bytes those that are news are read, or all."""
    page = run(store.versions(writer.BUCKET, ListQuery(limit=1_000_000)))
    found = {(entry.key, entry.version): entry for entry in page.versions}
    assert told.made.keys() <= found.keys()
    unknown = found.keys() - told.made.keys() - told.perhaps.keys()
    assert len(unknown) == len({key for key, _ in unknown})
    assert {key for key, _ in unknown} <= begun
    wanted = {name: content for name, content in (told.made | told.perhaps).items() if name in found}
    assert all(found[name].is_marker == (size < 0) for name, (_, size) in wanted.items())
    written = {name: content for name, content in wanted.items() if content[1] >= 0}
    run(read(store, {name: written[name] for name in written if reads_all or name in told.news}))
    for key, version in unknown:  # written, but nobody was told: complete, or it could not be read
        run(store.delete(writer.BUCKET, [writer.Deletion(key, version=version)]))
    for name in list(told.perhaps):
        entry = told.perhaps.pop(name)
        if name in found:
            told.made[name] = entry


async def read(store: LocalObjectStore, wanted: dict[Name, Content]) -> None:
    for (key, version), (seed, size) in wanted.items():
        stored = await store.get(Address(writer.BUCKET, key), version)
        assert await collect(stored.read(0, stored.info.size_bytes)) == writer.content(seed, size), key


def crash_rounds(folder: Path, rounds: int) -> None:
    told, dice = Told(), random.Random(rounds)
    for number in range(rounds):
        begun = told.hear(lines_until_killed(folder, number, dice.randrange(20, 400)))
        store = LocalObjectStore(folder, min_part_bytes=0, grace_s=0)
        check(store, told, begun, reads_all=number == rounds - 1)
        store.sweep()
        files, blobs = files_and_blobs(folder, store)
        assert files <= blobs
        store.close()


def test_no_version_is_lost_and_none_comes_back(tmp_path: Path) -> None:
    # About three seconds: every round starts an interpreter.
    crash_rounds(tmp_path / "s3", 3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_crashes_amid_versions(tmp_path: Path) -> None:
    crash_rounds(tmp_path / "s3", 100)
