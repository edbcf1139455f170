"""What is known about a request when policies are evaluated: condition keys and their values."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

RawFacts: TypeAlias = Mapping[str, str | Sequence[str]]
Late: TypeAlias = Callable[[str, "Facts"], str | None]


def _nothing(key: str, facts: "Facts") -> None:
    """No late values."""


class Facts:
    """Condition keys and values; keys are compared without case, as IAM does.

    Most decisions ask for no key at all, so the values are gathered when the first one is.

    Args:
        gather: answers mappings of key to value; later ones win. An empty ``aws:`` value counts as absent.
        late: answers the value of one key (lower case) that is dear to find, when no mapping has it.
    """

    __slots__ = ("_gather", "_known", "_late", "missing")

    def __init__(self, gather: Callable[[], Iterable[RawFacts]], late: Late = _nothing) -> None:
        self._gather = gather
        self._late = late
        self._known: dict[str, tuple[str, ...]] | None = None
        self.missing: set[str] = set()

    @classmethod
    def of(cls, *facts: RawFacts) -> "Facts":
        """These facts."""
        return cls(lambda: facts)

    def values(self, key: str) -> tuple[str, ...] | None:
        """Every value of `key` (lower case), or None when the request does not have it."""
        if self._known is None:
            self._known = _lowered(self._gather())
        found = self._known.get(key)
        if found is None:
            value = self._late(key, self)
            if value is None:
                self.missing.add(key)
                return None
            found = self._known[key] = (value,)
        return found

    def text(self, key: str) -> str | None:
        """The value of a key that has exactly one."""
        found = self.values(key)
        return found[0] if found is not None and len(found) == 1 else None


def _lowered(sources: Iterable[RawFacts]) -> dict[str, tuple[str, ...]]:
    known: dict[str, tuple[str, ...]] = {}
    for source in sources:
        for key, value in source.items():
            lowered = key.lower()
            if value or not lowered.startswith("aws:"):
                known[lowered] = (value,) if isinstance(value, str) else tuple(value)
    return known
