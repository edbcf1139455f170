"""Records and where they are kept.

A record is one resource (a training job, a role): the request that made it, what became of it, and a state.
`Store` is the only way to them; every implementation passes `sagesse.testing.store`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from sagesse.core.event import Event
from sagesse.core.outbox import Outbox
from sagesse.core.scope import Scope


class Key(NamedTuple):
    """The identity of a record. `kind` is "service:Kind"."""

    kind: str
    account: str
    region: str
    name: str

    @property
    def scope(self) -> Scope:
        """Account and region."""
        return Scope(self.account, self.region)


class Record(msgspec.Struct, kw_only=True):
    """One resource as stored.

    `request` is what the client sent (wire names), `output` further members of the Describe output, `state`
    what only the service sees. `is_open` says that the reconciler still has work with it.
    """

    kind: str
    account: str
    region: str
    name: str
    arn: str
    created: float
    modified: float
    status: str = ""
    is_open: bool = False
    version: int = 0
    request: dict[str, Any]
    output: dict[str, Any] = {}
    state: dict[str, Any] = {}
    tags: dict[str, str] = {}

    @property
    def key(self) -> Key:
        """The record's identity."""
        return Key(self.kind, self.account, self.region, self.name)

    @property
    def scope(self) -> Scope:
        """Account and region."""
        return Scope(self.account, self.region)


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """What to list: order, filters, and after which row to go on.

    Times are epoch seconds. `after` is the (sort value, name) of the last row of the page before.
    """

    sort: Literal["name", "created", "modified", "status"] = "created"
    is_descending: bool = False
    limit: int = 100
    after: tuple[str | float, str] | None = None
    name_contains: str | None = None
    name_ignoring_case: str | None = None
    status: str | None = None
    created_after: float | None = None
    created_before: float | None = None
    modified_after: float | None = None
    modified_before: float | None = None

    def position(self, record: Record) -> tuple[str | float, str]:
        """The `after` that goes on behind `record`."""
        return (getattr(record, self.sort), record.name)


class AlreadyExists(Exception):  # noqa: N818 - reads as the fact it states
    """An insert met a record of the same key or the same ARN."""

    def __init__(self, existing: Record) -> None:
        super().__init__(existing.arn)
        self.existing = existing


class Token(NamedTuple):
    """An idempotency token as used: what was asked (a digest) and what was answered."""

    digest: bytes
    answer: bytes


class Told(NamedTuple):
    """A changed record, the events that tell of the change, and changes of others that are part of it.

    All is written together or not at all; one of the others that is gone, or declines, is left out.
    """

    record: Record
    events: Sequence[Event] = ()
    others: "Sequence[ChangeOf]" = ()


Change: TypeAlias = Callable[[Record], Record | Told | None]


class ChangeOf(NamedTuple):
    """A change and the record it is for."""

    key: Key
    change: Change


class Store(Protocol):
    """Keeps records. A write that returned is on disk; writes are atomic; reads see every finished write.

    Writes block: never call them on the event loop's thread.
    """

    @property
    def outbox(self) -> Outbox:
        """The events of the writes, in their order."""
        ...

    def get(self, key: Key) -> Record | None:
        """The record, or None."""
        ...

    def by_arn(self, arn: str) -> Record | None:
        """The record of that ARN, or None."""
        ...

    def list(self, kind: str, scope: Scope, listing: Listing) -> list[Record]:
        """At most `listing.limit` records in the listing's order; equal sort values are ordered by name."""
        ...

    def open_keys(self) -> Iterator[Key]:
        """Keys of all records that are open, in every scope."""
        ...

    def insert(self, record: Record, event: Event | None = None) -> Record:
        """Add a record, and the event that tells of it.

        Raises:
            AlreadyExists: there is one of the same key or ARN.
        """
        ...

    def update(self, key: Key, change: Change) -> Record | None:
        """Apply `change` to the record, atomically, and return what is stored afterwards.

        `change` gets the current record and returns the new one, with events if it is to be told, or None to leave
        it; it runs inside the transaction, so it must be quick and free of side effects. Returns None when there is
        no such record or `change` returned None. Exceptions of `change` pass through and leave the record as it was.
        """
        ...

    def delete(self, key: Key, check: Callable[[Record], Event | None] | None = None) -> Record | None:
        """Remove the record and return it, None when there was none.

        `check` may raise to refuse, and returns the event that tells of the deletion, if any.
        """
        ...

    def find_token(self, owner: str, token: str) -> Token | None:
        """What was answered to that idempotency token of `owner` (account, region and operation)."""
        ...

    def save_token(self, owner: str, token: str, used: Token, *, expires: float) -> None:
        """Remember an answer until `expires` (epoch seconds); forgets expired ones."""
        ...

    def wipe(self) -> None:
        """Remove everything."""
        ...

    def close(self) -> None:
        """Finish and release the files."""
        ...
