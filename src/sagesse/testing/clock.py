"""Time turned by hand."""


class HandClock:
    """A clock that stands still until told.

    Args:
        start: epoch seconds to begin with.
    """

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        """Epoch seconds, UTC."""
        return self._now

    def turn(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._now += seconds
