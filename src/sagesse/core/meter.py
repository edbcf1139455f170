"""Request metering: how many calls of each operation, how many failed, and how long they took."""

import msgspec


class Usage(msgspec.Struct):
    """Totals of one operation since the server started."""

    calls: int = 0
    client_errors: int = 0
    server_errors: int = 0
    seconds: float = 0.0


class Meter:
    """Counts calls in memory; written by the event loop's thread only."""

    def __init__(self) -> None:
        self._usage: dict[tuple[str, str], Usage] = {}

    def count(self, service: str, operation: str, *, status: int, seconds: float) -> None:
        """Add one call that ended with an HTTP status after `seconds`."""
        used = self._usage.get((service, operation))
        if used is None:
            used = self._usage[service, operation] = Usage()
        used.calls += 1
        used.seconds += seconds
        if status >= 500:
            used.server_errors += 1
        elif status >= 400:
            used.client_errors += 1

    def snapshot(self) -> dict[str, Usage]:
        """Totals by "service:Operation"."""
        return {
            f"{service}:{operation}": usage for (service, operation), usage in sorted(self._usage.items())
        }

    def wipe(self) -> None:
        """Start again from nothing."""
        self._usage.clear()
