"""The power goes at any moment: only what was synced is left, and the store is still what the model says.

One run of the writer is recorded, then replayed on a disk that forgets (`disk.Disk`); after every sync and every
acknowledgement a store is opened on what a power cut would leave.
"""

import asyncio
import random
import shutil
from collections.abc import Sequence
from itertools import count, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.engines.objects.crash import step
from tests.engines.objects.crash.disk import Disk, replayed, same_files
from tests.engines.objects.crash.nursery import Nursery, told
from tests.engines.objects.crash.scenario import (
    EVERYTHING,
    ROUNDS,
    STARTING,
    assert_nothing_is_left_behind,
    spread,
)
from tests.engines.objects.crash.trace import Event


def recorded(nursery: Nursery, root: Path, steps: Sequence[step.Step]) -> list[Event]:
    """Everything that a store made from nothing in `root`/s3 did."""
    died = nursery.run(root / "s3", list(steps), makes_buckets=True, keeps=True)
    assert died.status == 0
    assert len(told(died)) == 1 + len(steps)
    return died.events


def moments(events: Sequence[Event]) -> list[int]:
    """How many events had happened when something became safe, or was promised."""
    return [number for number, event in enumerate(events, 1) if event.kind in {"sync", "sync-folder", "told"}]


class PowerCuts:
    """Looks at what power cuts leave of one recorded run."""

    def __init__(self, events: list[Event], steps: Sequence[step.Step], root: Path, target: Path) -> None:
        self._events = events
        self._states = step.states(step.Objects(), list(steps))
        self._root, self._target = root, target
        self._target.mkdir()

    def after(self, wanted: Sequence[int], luck: random.Random | None) -> None:
        """Cut the power after so many events, for each number wanted."""
        disk = Disk(self._root)
        done = 0
        for before, number in pairwise([0, *wanted]):
            for event in self._events[before:number]:
                disk.apply(event)
                done += event.kind == "told"
            left = self._target / f"{number}-{id(luck)}"
            disk.after_power_cut(left, luck)
            self._look(left / "s3", done)
            shutil.rmtree(left)

    def _look(self, folder: Path, done: int) -> None:
        if done == 0 and not folder.exists():
            return
        store = step.open_store(folder, durable=False)
        try:
            found = asyncio.run(step.observe(store))
            allowed = self._states[max(done - 1, 0) : done + 1]
            assert found in allowed, (done, folder)
            if done:
                assert len(asyncio.run(store.buckets("1", limit=10))) == len(step.BUCKETS)
            store.sweep()
            assert_nothing_is_left_behind(folder, store)
        finally:
            store.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def test_a_replayed_disk_is_the_disk(nursery: Nursery, root: Path, tmp_path: Path) -> None:
    events = recorded(nursery, root, EVERYTHING[2:])
    disk = replayed(root, events)
    disk.sync_everything()
    disk.after_power_cut(tmp_path / "left", None)
    assert same_files(tmp_path / "left", root)


def test_what_was_acknowledged_is_there_after_the_power_went(
    nursery: Nursery,
    root: Path,
    tmp_path: Path,
) -> None:
    # Two seconds: some dozens of stores are opened.
    steps = [*STARTING, *EVERYTHING]
    events = recorded(nursery, root, steps)
    promises = [number for number, event in enumerate(events, 1) if event.kind == "told"]
    PowerCuts(events, steps, root, tmp_path / "left").after(promises, None)


@given(steps=step.sequences(3, 6), seed=st.integers(0, 1 << 30))
@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_writes_that_were_not_synced_may_be_there_in_any_order(
    nursery: Nursery,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[step.Step],
    seed: int,
) -> None:
    base, dice = tmp_path_factory.mktemp("power"), random.Random(seed)
    (base / "root").mkdir()
    events = recorded(nursery, base / "root", steps)
    cuts = PowerCuts(events, steps, base / "root", base / "left")
    cuts.after(spread(len(events), 20, dice), dice)


def test_the_file_and_its_folders_are_synced_before_the_row(
    nursery: Nursery,
    root: Path,
) -> None:
    events = recorded(nursery, root, [("put", "plain", "a", 1, 9_000)])
    begun = 1 + max(number for number, event in enumerate(events) if event.data == b"open")
    names = [(event.kind, _what(event.path)) for event in events[begun:]]
    order = [
        ("mkdir", "epoch"),
        ("sync-folder", "blobs"),
        ("mkdir", "folder"),
        ("sync-folder", "epoch"),
        ("create", "blob"),
        ("write", "blob"),
        ("sync", "blob"),
        ("sync-folder", "folder"),
        ("write", "index.db-wal"),
        ("sync", "index.db-wal"),
        ("told", "answer"),
    ]
    places = [names.index(entry) for entry in order]
    assert places == sorted(places)


@pytest.mark.slow
@pytest.mark.timeout(36_000)
def test_power_cuts_amid_many_sequences(nursery: Nursery, tmp_path: Path) -> None:
    numbers = count()

    @given(steps=step.sequences(2, 12), seed=st.integers(0, 1 << 30))
    @settings(
        max_examples=ROUNDS, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    def work(steps: list[step.Step], seed: int) -> None:
        base, dice = tmp_path / str(next(numbers)), random.Random(seed)
        (base / "root").mkdir(parents=True)
        events = recorded(nursery, base / "root", steps)
        cuts = PowerCuts(events, steps, base / "root", base / "left")
        cuts.after(moments(events), None)
        for _ in range(3):
            cuts.after(spread(len(events), 100, dice), dice)
        shutil.rmtree(base)

    work()


def _what(path: str) -> str:
    """What a path below the store is."""
    if path.startswith("pipe:"):
        return "answer"
    parts = path.partition("/s3/")[2].split("/")
    return ["epoch", "folder", "blob"][len(parts) - 2] if parts[0] == "blobs" and len(parts) > 1 else parts[0]
