"""Killed right before any system call that changes files, SQLite's among them: the store is what the model says.

Whatever was acknowledged is there and whole; the step in flight is there wholly or not at all; no file is left behind.
`SAGESSE_CRASH_ROUNDS` turns the slow test up: so many sequences, each cut before every one of its changes.
"""

import asyncio
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.engines.objects.crash import step
from tests.engines.objects.crash.nursery import Nursery, acknowledged, told
from tests.engines.objects.crash.scenario import (
    EVERYTHING,
    ROUNDS,
    STARTING,
    assert_nothing_is_left_behind,
    spread,
)


class Crash:
    """A sequence in a copy of the template, cut before one of its changes, and what must be there then."""

    def __init__(self, nursery: Nursery, template: Path, steps: Sequence[step.Step]) -> None:
        self._nursery = nursery
        self._template = template
        self._steps = list(steps)
        start = step.states(step.Objects(), STARTING)[-1]
        self._states = step.states(start, self._steps)
        self._folder = template.parent / "s3-copy"

    def changes(self) -> int:
        """How many changes the sequence makes."""
        self._copy()
        died = self._nursery.run(self._folder, self._steps)
        assert (died.status, acknowledged(died)) == (0, len(self._steps))
        self._check(len(self._steps))
        return sum(event.kind != "told" for event in died.events)

    def before(self, number: int, *, and_again: int = 0) -> None:
        """Cut before a change, and the start after it before its change `and_again`; then look."""
        self._copy()
        died = self._nursery.run(self._folder, self._steps, cut_before=number)
        if and_again:
            self._nursery.run(self._folder, [], cut_before=and_again)
        self._check(acknowledged(died))

    def _copy(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._template, self._folder)

    def _check(self, done: int) -> None:
        store = step.open_store(self._folder)
        try:
            found = asyncio.run(step.observe(store))
            assert found in self._states[done : done + 2], self._steps[done : done + 1]
            store.sweep()
            assert_nothing_is_left_behind(self._folder, store)
            assert asyncio.run(step.observe(store)) == found
        finally:
            store.close()


@given(steps=step.sequences(3, 6), dice=st.randoms(use_true_random=False))
@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_any_sequence_may_be_cut_anywhere(
    nursery: Nursery, template: Path, steps: list[step.Step], dice: random.Random
) -> None:
    # Some seconds: each crash is a process of its own.
    crash = Crash(nursery, template, steps)
    for number in spread(crash.changes(), 6, dice):
        crash.before(number)


def test_every_kind_of_step_may_be_cut_and_the_start_after_it_too(nursery: Nursery, template: Path) -> None:
    crash = Crash(nursery, template, EVERYTHING)
    for number in spread(crash.changes(), 12, random.Random(1)):
        crash.before(number, and_again=1 + number % 12)


def test_a_store_may_be_cut_while_it_is_made(nursery: Nursery, tmp_path: Path) -> None:
    died = nursery.run(tmp_path / "whole", [], makes_buckets=True)
    count = sum(event.kind != "told" for event in died.events)
    for number in spread(count, 10, random.Random(2)):
        folder = tmp_path / str(number)
        is_made = told(nursery.run(folder, [], makes_buckets=True, cut_before=number)) == ["open"]
        store = step.open_store(folder)
        names = [bucket.name for bucket in asyncio.run(store.buckets("1", limit=10))]
        store.close()
        assert set(names) <= set(step.BUCKETS)
        assert not is_made or set(names) == set(step.BUCKETS)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_crash_point_of_everything(nursery: Nursery, template: Path) -> None:
    crash = Crash(nursery, template, EVERYTHING)
    for number in range(1, crash.changes() + 1):
        crash.before(number)
        crash.before(number, and_again=1 + number % 17)


@pytest.mark.slow
@pytest.mark.timeout(36_000)
def test_every_crash_point_of_many_sequences(nursery: Nursery, template: Path) -> None:
    @given(steps=step.sequences(2, 12))
    @settings(
        max_examples=ROUNDS, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    def work(steps: list[step.Step]) -> None:
        crash = Crash(nursery, template, steps)
        for number in range(1, crash.changes() + 1):
            crash.before(number, and_again=number % 9)

    work()
