"""The states a record may be in and the moves between them."""

from collections.abc import Mapping, Set

import msgspec


class Lifecycle(msgspec.Struct, frozen=True):
    """A declared state machine.

    Args:
        initial: the state of a new record.
        moves: every allowed move, from state to states. A state without moves is final, unless named in `rest`.
        rest: states that may still move but in which the reconciler has nothing to do (``InService``).
    """

    initial: str
    moves: Mapping[str, Set[str]]
    rest: Set[str] = frozenset()

    def __post_init__(self) -> None:
        named = (
            {self.initial} | set(self.rest) | {state for targets in self.moves.values() for state in targets}
        )
        if self.initial not in self.moves:
            raise ValueError(f"the initial state {self.initial!r} has no moves")
        if unreachable := set(self.moves) - named:
            raise ValueError(f"states that nothing leads to: {sorted(unreachable)}")

    @property
    def states(self) -> frozenset[str]:
        """Every state."""
        return frozenset(self.moves) | {state for targets in self.moves.values() for state in targets}

    def is_final(self, state: str) -> bool:
        """Whether nothing leads out of `state`."""
        return not self.moves.get(state)

    def is_open(self, state: str) -> bool:
        """Whether the reconciler has work with a record in `state`."""
        return not self.is_final(state) and state not in self.rest

    def allows(self, origin: str, target: str) -> bool:
        """Whether a record may move from `origin` to `target`."""
        return target in self.moves.get(origin, ())
