"""The machine, claimed by jobs: a fair queue over accounts. What a job got is its thread budget and its GPUs."""

import threading
from bisect import insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sagesse.engines.machine import Demand, Machine


class Claim(NamedTuple):
    """A job's place.

    Attributes:
        threads: cores granted; 0 while it waits.
        memory_bytes: memory granted.
        gpus: the numbers of the GPUs granted.
        position: how many claims are before it in the queue.
        missing: what is not free yet of what it wants.
    """

    threads: int
    memory_bytes: int = 0
    gpus: tuple[int, ...] = ()
    position: int = 0
    missing: Demand = Demand(0)


class _Waiting(NamedTuple):
    wanted: Demand
    account: str
    since: float


class _Granted(NamedTuple):
    account: str
    demand: Demand
    gpus: tuple[int, ...]


class Capacity:
    """Grants the machine to claims: the account that holds least comes first, within an account the oldest claim.

    The first in the queue is never overtaken: a large claim waits until enough is free, and no small one slips by.
    A claim for more than the machine is granted the whole machine: an instance type says how a job's share
    compares with others', not what this machine must be.

    Args:
        machine: what there is.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._on_grant: list[Callable[[str], None]] = []
        self._guard = threading.Lock()
        self._granted: dict[str, _Granted] = {}
        self._waiting: dict[str, _Waiting] = {}
        self._lines: dict[str, list[tuple[float, str]]] = {}  # by account: (since, claim id), oldest first
        self._places: dict[str, int] | None = None  # of the waiting claims; None: not known any more

    def watch(self, on_grant: Callable[[str], None]) -> None:
        """Call `on_grant` with the id of each waiting claim that was granted; it must return quickly."""
        self._on_grant.append(on_grant)

    def claim(self, claim_id: str, demand: Demand, *, since: float, account: str = "") -> Claim:
        """Ask for a part of the machine; idempotent, ask again until it is granted.

        Args:
            claim_id: unique for ever.
            demand: all that is wanted, of however many instances.
            since: epoch seconds; the order within an account.
            account: whose claim it is.
        """
        with self._guard:
            self._enqueue(claim_id, demand, since, account)
            granted = self._dispatch()
            answer = self._answer(claim_id)
        self._tell(other for other in granted if other != claim_id)
        return answer

    def expect(self, claim_id: str, demand: Demand, *, since: float, account: str = "") -> None:
        """Keep the place of a claim that waited when the last server ended; nothing is granted yet."""
        with self._guard:
            self._enqueue(claim_id, demand, since, account)

    def adopt(self, claim_id: str, held: Claim, *, account: str = "") -> None:
        """Note what a job that survived the server already holds."""
        with self._guard:
            self._forget(claim_id)
            demand = Demand(held.threads, held.memory_bytes, len(held.gpus))
            self._granted[claim_id] = _Granted(account, self._bounded(demand), held.gpus)

    def transfer(self, claim_id: str, to: str) -> bool:
        """Hand what a claim holds to another one, at once; False when it holds nothing."""
        with self._guard:
            held = self._granted.pop(claim_id, None)
            if held is None:
                return to in self._granted
            self._forget(to)
            self._granted[to] = held
            granted = self._dispatch()
        self._tell(granted)
        return True

    def release(self, claim_id: str) -> None:
        """Give back, or stop waiting; idempotent."""
        with self._guard:
            self._forget(claim_id)
            granted = self._dispatch()
        self._tell(granted)

    def wipe(self) -> None:
        """Forget every claim."""
        with self._guard:
            self._granted.clear()
            self._waiting.clear()
            self._lines.clear()
            self._places = None

    # All below: the guard is held

    def _enqueue(self, claim_id: str, demand: Demand, since: float, account: str) -> None:
        if claim_id in self._granted or claim_id in self._waiting:
            return
        self._waiting[claim_id] = _Waiting(self._bounded(demand), account, since)
        insort(self._lines.setdefault(account, []), (since, claim_id))
        self._places = None

    def _forget(self, claim_id: str) -> None:
        self._granted.pop(claim_id, None)
        if waiting := self._waiting.pop(claim_id, None):
            line = self._lines[waiting.account]
            line.remove((waiting.since, claim_id))
            if not line:
                del self._lines[waiting.account]
        self._places = None

    def _dispatch(self) -> list[str]:
        """Grant what is free to the first in the queue, and to the next; their ids."""
        granted: list[str] = []
        while self._waiting:
            claim_id = _first(self._lines, self._shares())
            waiting, free = self._waiting[claim_id], self._free()
            if not waiting.wanted.fits(free):
                break
            self._forget(claim_id)
            gpus = self._free_gpus()[: waiting.wanted.gpus]
            self._granted[claim_id] = _Granted(waiting.account, waiting.wanted, gpus)
            granted.append(claim_id)
        return granted

    def _answer(self, claim_id: str) -> Claim:
        if held := self._granted.get(claim_id):
            return Claim(held.demand.cores, held.demand.memory_bytes, held.gpus)
        if self._places is None:
            order = _order(self._lines, self._waiting, self._shares(), self.machine)
            self._places = {key: place for place, key in enumerate(order)}
        wanted, free = self._waiting[claim_id].wanted, self._free()
        missing = Demand(*(max(0, part - there) for part, there in zip(wanted, free, strict=True)))
        return Claim(0, position=self._places[claim_id], missing=missing)

    def _bounded(self, demand: Demand) -> Demand:
        return Demand(*(min(part, there) for part, there in zip(demand, self.machine.whole, strict=True)))

    def _free(self) -> Demand:
        held = [granted.demand for granted in self._granted.values()]
        used = [sum(parts) for parts in zip(*held, strict=True)] or [0, 0, 0]
        return Demand(*(there - part for there, part in zip(self.machine.whole, used, strict=True)))

    def _free_gpus(self) -> tuple[int, ...]:
        used = {number for granted in self._granted.values() for number in granted.gpus}
        return tuple(number for number in range(self.machine.gpus) if number not in used)

    def _shares(self) -> dict[str, float]:
        shares: dict[str, float] = {}
        for granted in self._granted.values():
            shares[granted.account] = shares.get(granted.account, 0.0) + _share(granted.demand, self.machine)
        return shares

    # Without the guard

    def _tell(self, granted: Iterator[str] | Sequence[str]) -> None:
        for claim_id in granted:
            for on_grant in self._on_grant:
                on_grant(claim_id)


def _share(demand: Demand, machine: Machine) -> float:
    """The part of the machine that a demand takes: of what it takes most of."""
    return max(part / there for part, there in zip(demand, machine.whole, strict=True) if there)


def _first(lines: Mapping[str, Sequence[tuple[float, str]]], shares: Mapping[str, float]) -> str:
    account = min(lines, key=lambda name: (shares.get(name, 0.0), lines[name][0]))
    return lines[account][0][1]


def _order(
    lines: Mapping[str, Sequence[tuple[float, str]]],
    waiting: Mapping[str, _Waiting],
    shares: dict[str, float],
    machine: Machine,
) -> Iterator[str]:
    """The waiting claims in the order in which they would be granted if nothing ended; `shares` is used up."""
    rest = {account: list(reversed(line)) for account, line in lines.items()}
    while rest:
        account = min(rest, key=lambda name: (shares.get(name, 0.0), rest[name][-1]))
        _, claim_id = rest[account].pop()
        if not rest[account]:
            del rest[account]
        shares[account] = shares.get(account, 0.0) + _share(waiting[claim_id].wanted, machine)
        yield claim_id
