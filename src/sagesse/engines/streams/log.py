"""What a log store is: groups of streams of timed lines.

Times are epoch milliseconds, as CloudWatch Logs has them. Writes block and are on disk when they return:
never call them on the event loop's thread.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from sagesse.core.scope import Scope

EVENT_OVERHEAD = 26


class LogEvent(NamedTuple):
    """A line to be stored."""

    timestamp: int
    message: str

    @property
    def size(self) -> int:
        """Bytes as CloudWatch Logs counts them: the message in UTF-8 and 26 for the rest."""
        return len(self.message.encode()) + EVENT_OVERHEAD


class Position(NamedTuple):
    """A place in the order of events: by time, then by arrival."""

    timestamp: int
    id: int


class StoredEvent(NamedTuple):
    """A stored line; `id` grows with arrival over the whole store."""

    timestamp: int
    id: int
    ingested: int
    message: str
    stream: str = ""

    @property
    def position(self) -> Position:
        """Where the event stands."""
        return Position(self.timestamp, self.id)

    @property
    def size(self) -> int:
        """Bytes as CloudWatch Logs counts them: the message in UTF-8 and 26 for the rest."""
        return len(self.message.encode()) + EVENT_OVERHEAD


class Query(NamedTuple):
    """Which events of a stream: ``start <= timestamp < end``, behind `after` and before `before`.

    None is open. With `newest_first` the order is turned round. An answer ends at `limit` events or with the
    event that makes it larger than `limit_bytes` (at least one event is given).
    """

    start: int | None = None
    end: int | None = None
    after: Position | None = None
    before: Position | None = None
    newest_first: bool = False
    limit: int = 10_000
    limit_bytes: int = 1 << 20


EVERYTHING = Query()


class LogGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group: the settings its streams share."""

    name: str
    created: int
    retention_days: int | None = None
    tags: Mapping[str, str] = {}
    stored_bytes: int = 0


class LogStream(msgspec.Struct, frozen=True, kw_only=True):
    """A stream; the event times are None while it is empty."""

    name: str
    created: int
    first_event: int | None = None
    last_event: int | None = None
    last_ingested: int | None = None
    stored_bytes: int = 0
    source_offset: int = 0


class SearchPage(NamedTuple):
    """Events found; `stopped_at` is the last position looked at, None when everything was searched."""

    events: list[StoredEvent]
    stopped_at: Position | None


class GroupMissing(Exception):  # noqa: N818 - reads as the fact it states
    """There is no group of that name."""


class StreamMissing(Exception):  # noqa: N818
    """There is no stream of that name in the group."""


class AlreadyThere(Exception):  # noqa: N818
    """The group or stream exists."""


class LogStore(Protocol):
    """Keeps log events, ordered by (timestamp, arrival) in each stream."""

    def create_group(self, scope: Scope, group: str, *, tags: Mapping[str, str] | None = None) -> None:
        """Make an empty group.

        Raises:
            AlreadyThere: it exists.
        """
        ...

    def create_stream(self, scope: Scope, group: str, stream: str) -> None:
        """Make an empty stream.

        Raises:
            GroupMissing: no such group.
            AlreadyThere: it exists.
        """
        ...

    def ensure_stream(self, scope: Scope, group: str, stream: str) -> None:
        """Make the group and the stream unless they are there; idempotent."""
        ...

    def delete_group(self, scope: Scope, group: str) -> bool:
        """Remove a group with all its streams; False when there was none."""
        ...

    def delete_stream(self, scope: Scope, group: str, stream: str) -> bool:
        """Remove a stream with its events; False when there was none."""
        ...

    def amend_group(
        self, scope: Scope, group: str, change: Callable[[LogGroup], LogGroup]
    ) -> LogGroup | None:
        """Change a group's retention or tags atomically; None when there is none."""
        ...

    def group(self, scope: Scope, group: str) -> LogGroup | None:
        """The group, or None."""
        ...

    def groups(
        self, scope: Scope, *, prefix: str = "", contains: str = "", after: str = "", limit: int
    ) -> list[LogGroup]:
        """Groups by name, behind the name `after`."""
        ...

    def stream(self, scope: Scope, group: str, stream: str) -> LogStream | None:
        """The stream, or None."""
        ...

    def streams(self, scope: Scope, group: str, *, prefix: str = "") -> list[LogStream]:
        """The group's streams by name.

        Raises:
            GroupMissing: no such group.
        """
        ...

    def append(
        self,
        scope: Scope,
        group: str,
        stream: str,
        events: Iterable[LogEvent],
        *,
        source_offset: int | None = None,
        after_offset: int | None = None,
    ) -> bool:
        """Add events, atomically, and move the stream's source offset to `source_offset` in the same step.

        The source offset says how many bytes of a source (a job's log file) the stream already holds. With
        `after_offset` nothing is written unless the stream's offset is just that: whoever ships a file
        reads the offset, sends what is behind it, and cannot store a line twice, whenever it is killed. What begins at
        offset 0 makes the group and the stream in the same step, where they are not there.

        Returns:
            Whether the events were written.

        Raises:
            GroupMissing, StreamMissing: create them first (`ensure_stream`).
        """
        ...

    def source_offset(self, scope: Scope, group: str, stream: str) -> int:
        """Bytes of its source the stream holds; 0 for a new stream or none."""
        ...

    def read(self, scope: Scope, group: str, stream: str, query: Query = EVERYTHING) -> list[StoredEvent]:
        """Events of one stream.

        Raises:
            GroupMissing, StreamMissing: no such group or stream.
        """
        ...

    def search(
        self,
        scope: Scope,
        group: str,
        streams: Sequence[str],
        matches: Callable[[str], bool],
        query: Query = EVERYTHING,
    ) -> SearchPage:
        """Events of several streams whose message `matches`, in one order of time.

        A page ends at the query's limits or when the store has looked at as many as it does at a time.

        Raises:
            GroupMissing, StreamMissing: no such group or stream.
        """
        ...

    def sweep(self) -> int:
        """Free the space of expired events and deleted streams; returns how many events went.

        Expired and deleted events are not shown even before; call it every few minutes.
        """
        ...

    def wipe(self) -> None:
        """Remove everything."""
        ...

    def close(self) -> None:
        """Finish and release the files."""
        ...
