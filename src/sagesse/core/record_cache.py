"""Encoded records in memory, each with the commit that it is known from: most are read again before they change."""

from collections.abc import Callable
from itertools import count
from typing import NamedTuple, Protocol, TypeAlias

from sagesse.core.record import Key

_MOST_KEPT = 1024  # records
_MOST_CHANGES = 8192  # keys of which it is known when they changed last


class Generations(Protocol):
    """What counts its commits, each before its writers hear of it; see `Database.generation`."""

    @property
    def generation(self) -> int:
        """Of the last commit."""
        ...


class Stamp(NamedTuple):
    """A change of a record: the generation that has it once it is committed, and its number among all changes."""

    generation: int
    number: int


_History: TypeAlias = tuple[dict[Key, Stamp], Stamp]
"""The last change of each key, which may be in the transaction that runs; no other key changed after the second part.

It is replaced as a whole, so that a reader never has parts that do not belong together.
"""


class RecordCache:
    """Never shows what is not committed, nor what a finished write has replaced; for threads.

    Args:
        database: where the records are; only one transaction writes at a time.
    """

    def __init__(self, database: Generations) -> None:
        self._database = database
        self._kept: dict[Key, tuple[int, bytes]] = {}
        self._history: _History = {}, Stamp(0, 0)
        self._numbers = count(1)

    def find(self, key: Key) -> bytes | None:
        """The record as it is now, if it is known."""
        generation, body = self._kept.get(key, (-1, None))
        changes, earlier = self._history
        return body if generation >= changes.get(key, earlier).generation else None

    def read(self, key: Key, read: Callable[[], bytes | None]) -> bytes | None:
        """The record as it is now; `read` fetches what is not known."""
        if (body := self.find(key)) is not None:
            return body
        generation = self._database.generation
        if (body := read()) is not None:
            self._keep(key, generation, body)
        return body

    def changes(self, key: Key) -> Stamp:
        """Note, inside a transaction, that it changes a record."""
        stamp = self._next()
        if len(self._history[0]) >= _MOST_CHANGES:
            self._history = {}, stamp
        self._history[0][key] = stamp
        return stamp

    def changed(self, key: Key, stamp: Stamp, body: bytes) -> None:
        """Remember what a record became by a change that is committed, unless the same transaction changed it again."""
        if self._history[0].get(key) == stamp:
            self._keep(key, stamp.generation, body)

    def all_change(self) -> None:
        """Note, inside a transaction, that it changes every record."""
        self._history = {}, self._next()

    def _next(self) -> Stamp:
        return Stamp(self._database.generation + 1, next(self._numbers))

    def _keep(self, key: Key, generation: int, body: bytes) -> None:
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[key] = (generation, body)
