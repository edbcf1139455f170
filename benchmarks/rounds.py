"""Measuring several subjects in turn, so that what else the machine does meets all of them alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec


class Subject(NamedTuple):
    """What is measured. `work(n)` does the thing n times; `cpu` reads the seconds it has cost so far."""

    work: Callable[[int], None]
    cpu: Callable[[], float]
    times: int


class Cost(NamedTuple):
    """One round of a subject: seconds for one operation."""

    cpu_s: float
    wall_s: float


class Measure(msgspec.Struct, frozen=True):
    """Medians over the rounds. Ratios are made within a round, then the median is taken."""

    cpu_us: float
    wall_us: float
    cpu_ratio: float
    wall_ratio: float
    cpu_ratio_low: float
    cpu_ratio_high: float


def measure(subjects: Mapping[str, Subject], *, base: str, rounds: int) -> dict[str, Measure]:
    """Take turns, and sum up against one of the subjects."""
    return summaries(take_turns(subjects, rounds=rounds), base=base)


def take_turns(subjects: Mapping[str, Subject], *, rounds: int) -> dict[str, list[Cost]]:
    """Run all subjects in each round, starting with another one each time, after one round to warm up."""
    names = list(subjects)
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for number in range(-1, rounds):
        for turn in range(len(names)):
            name = names[(turn + number) % len(names)]
            cost = _run(subjects[name])
            if number >= 0:
                costs[name].append(cost)
    return costs


def summaries(costs: Mapping[str, list[Cost]], *, base: str) -> dict[str, Measure]:
    """Each subject against the base."""
    return {name: summary(own, costs[base]) for name, own in costs.items()}


def summary(costs: list[Cost], base: list[Cost]) -> Measure:
    """Medians of a subject's rounds, absolute and against the base's same rounds."""
    cpu = [own.cpu_s / other.cpu_s for own, other in zip(costs, base, strict=True)]
    wall = [own.wall_s / other.wall_s for own, other in zip(costs, base, strict=True)]
    return Measure(
        cpu_us=1e6 * statistics.median(cost.cpu_s for cost in costs),
        wall_us=1e6 * statistics.median(cost.wall_s for cost in costs),
        cpu_ratio=statistics.median(cpu),
        wall_ratio=statistics.median(wall),
        cpu_ratio_low=min(cpu),
        cpu_ratio_high=max(cpu),
    )


def _run(subject: Subject) -> Cost:
    cpu, wall = subject.cpu(), time.perf_counter()
    subject.work(subject.times)
    wall_s, cpu_s = time.perf_counter() - wall, subject.cpu() - cpu
    return Cost(cpu_s / subject.times, wall_s / subject.times)
