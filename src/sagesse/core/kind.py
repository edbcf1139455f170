"""A `Kind` declares a resource once; describe, list, delete, tags, ARNs and errors follow from it."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any

import msgspec

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, validation_error
from sagesse.core.event import Event
from sagesse.core.lifecycle import Lifecycle
from sagesse.core.model import service_model
from sagesse.core.record import AlreadyExists, Change, ChangeOf, Key, Record, Told
from sagesse.core.scope import Scope
from sagesse.core.state_event import StateEvent


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A resource as its service's model names it.

    Args:
        service: botocore's service name; the signing name in ARNs is `arn_service` (the same unless given).
        name: the resource ("TrainingJob").
        key: the request member that names it ("TrainingJobName").
        arn_path: its resource part in ARNs, with ``{name}``; SageMaker lower-cases names there.
        lifecycle: its states; None for resources without a state.
        missing, duplicate: the errors of a name that is not there, or there already.
        describe, delete, listing: operation names that the core supplies; None leaves them to the service.
        arn_member, status_member, created_member, modified_member: output members with these facts.
        name_member: the output member with the name; `key` unless given.
        summaries: the list member of the listing's output.
        is_global: the resource belongs to the account, not to a region.
        lists_descending, page_size: the documented defaults of the listing.
        extend: further output members, computed when asked (``NumberOf...``).
        deletable: states in which delete is allowed; None means any.
        event: what is told of its records; see `StateEvent`. It is written with the record, in one transaction.
        narrow: from a listing's request, a test of records by its further members; None when it has none of them.
    """

    service: str
    name: str
    key: str
    arn_path: str
    missing: Callable[[str, str], ServiceError]
    duplicate: Callable[[Record], ServiceError]
    lifecycle: Lifecycle | None = None
    arn_service: str = ""
    describe: str | None = None
    delete: str | None = None
    listing: str | None = None
    arn_member: str = ""
    status_member: str = ""
    created_member: str = "CreationTime"
    modified_member: str = "LastModifiedTime"
    name_member: str = ""
    summaries: str = ""
    is_global: bool = False
    is_arn_lower: bool = True
    lists_descending: bool = True
    page_size: int = 10
    extend: Callable[[Context, Record], Mapping[str, Any]] | None = None
    deletable: Set[str] | None = None
    event: StateEvent | None = None
    narrow: Callable[[dict[str, Any]], Callable[[Record], bool] | None] | None = None

    @property
    def id(self) -> str:
        """The kind's name in the store."""
        return f"{self.service}:{self.name}"

    def scope(self, scope: Scope) -> Scope:
        """Where records of this kind live for a call in `scope`."""
        return Scope(scope.account, "") if self.is_global else scope

    def arn(self, scope: Scope, name: str) -> str:
        """The ARN of a resource of that name."""
        shown = name.lower() if self.is_arn_lower else name
        return self.scope(scope).arn(self.arn_service or self.service, self.arn_path.format(name=shown))

    def record_key(self, scope: Scope, name: str) -> Key:
        """The store key of a resource of that name."""
        return Key(self.id, *self.scope(scope), name)

    def find(self, ctx: Context, name: str) -> Record | None:
        """The record, or None."""
        return ctx.store.get(self.record_key(ctx.scope, name))

    def rival(self, ctx: Context, name: str) -> Record | None:
        """The record that a new one of that name would clash with: one ARN may stand for names that differ by case."""
        return ctx.store.by_arn(self.arn(ctx.scope, name))

    def get(self, ctx: Context, name: str) -> Record:
        """The record.

        Raises:
            ServiceError: the kind's not-found error.
        """
        record = self.find(ctx, name)
        if record is None:
            raise self.missing(name, self.arn(ctx.scope, name))
        return record

    def create(
        self,
        ctx: Context,
        request: Mapping[str, Any],
        *,
        output: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> Record:
        """Record the wish; the reconciler takes it from there.

        Raises:
            ServiceError: the kind's duplicate error.
        """
        now = ctx.now()
        name = name if name is not None else str(request[self.key])
        scope = self.scope(ctx.scope)
        status = self.lifecycle.initial if self.lifecycle else ""
        record = Record(
            kind=self.id,
            account=scope.account,
            region=scope.region,
            name=name,
            arn=self.arn(ctx.scope, name),
            created=now,
            modified=now,
            status=status,
            is_open=self.lifecycle is not None and self.lifecycle.is_open(status),
            request={key: value for key, value in request.items() if key != "Tags"},
            output=dict(output or {}),
            state=dict(state or {}),
            tags={tag["Key"]: tag["Value"] for tag in request.get("Tags", ())},
        )
        try:
            ctx.store.insert(record, self._event(ctx, record))
        except AlreadyExists as clash:
            raise self.duplicate(clash.existing) from clash
        if record.is_open:
            ctx.wake(record)
        return record

    def move(
        self,
        ctx: Context,
        record: Record,
        to: str,
        *,
        when: Set[str] | None = None,
        output: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        passed: Sequence[Mapping[str, Any]] = (),
        others: Sequence[ChangeOf] = (),
    ) -> Record | None:
        """Change the state of a record if it is still in one of `when` (its own state unless given).

        Atomic. `output` and `state` are merged into the record in the same step; `passed` are output members of states
        that it had meanwhile and that nobody has seen: each is told. `others` are changed with it.

        Returns:
            The new record, or None when someone else moved or deleted it first.
        """
        lifecycle = self.lifecycle
        if lifecycle is None:
            raise TypeError(f"{self.name} has no lifecycle")
        origins = when or {record.status}
        now = ctx.now()

        def change(current: Record) -> Record | None:
            if current.status not in origins or current.created != record.created:
                return None
            if not lifecycle.allows(current.status, to):
                raise ValueError(f"{self.name}: no move from {current.status} to {to}")
            current.status = to
            current.is_open = lifecycle.is_open(to)
            return _merge(current, now, output, state)

        moved = ctx.store.update(record.key, self._told(ctx, change, passed, others))
        if moved is not None and moved.is_open:
            ctx.wake(moved)
        return moved

    def amend(
        self,
        ctx: Context,
        record: Record,
        *,
        output: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        request: Mapping[str, Any] | None = None,
        passed: Sequence[Mapping[str, Any]] = (),
    ) -> Record | None:
        """Merge members into a record without changing its state; atomic; None when it is gone.

        `passed`: see `move`.
        """
        now = ctx.now()

        def change(current: Record) -> Record | None:
            if current.created != record.created:
                return None
            current.request.update(request or {})
            return _merge(current, now, output, state)

        return ctx.store.update(record.key, self._told(ctx, change, passed))

    def remove(self, ctx: Context, name: str) -> Record:
        """Delete the record.

        Raises:
            ServiceError: not found, or in a state that forbids it.
        """

        def check(record: Record) -> Event | None:
            if self.deletable is not None and record.status not in self.deletable:
                raise validation_error(
                    f"Cannot delete {self.arn_path.partition('/')[0]} {record.arn} in status {record.status}; "
                    f"allowed: {', '.join(sorted(self.deletable))}"
                )
            return self._event(ctx, record) if self.event and self.event.tells_deletion else None

        record = ctx.store.delete(self.record_key(ctx.scope, name), check)
        if record is None:
            raise self.missing(name, self.arn(ctx.scope, name))
        return record

    def facts(self, record: Record) -> dict[str, Any]:
        """Name, ARN, state and times of a record under this kind's output members."""
        facts: dict[str, Any] = {
            self.name_member or self.key: record.name,
            self.created_member: record.created,
            self.modified_member: record.modified,
        }
        if self.arn_member:
            facts[self.arn_member] = record.arn
        if self.status_member:
            facts[self.status_member] = record.status
        return facts

    def project(self, ctx: Context, record: Record, members: Mapping[str, Any]) -> dict[str, Any]:
        """The record on an output shape: each of `members` from facts, output or the request."""
        source = {**record.request, **self.facts(record), **record.output}
        if self.extend is not None:
            source.update(self.extend(ctx, record))
        if "Tags" in members and record.tags:
            source["Tags"] = [{"Key": key, "Value": value} for key, value in record.tags.items()]
        return {member: value for member, value in source.items() if member in members}

    def _event(self, ctx: Context, record: Record) -> Event | None:
        """What tells of the record as it is now, if the kind tells anything."""
        if self.event is None or self.describe is None:
            return None
        operation = service_model(self.service).operations[self.describe]
        shown = self.project(ctx, record, operation.output_members)
        return self.event.of(record, operation, shown, ctx.now())

    def _state(self, record: Record) -> tuple[str, Any] | None:
        """The state whose changes are told; None where nothing is."""
        return self.event.state(record) if self.event else None

    def _news(self, ctx: Context, record: Record, before: tuple[str, Any] | None) -> Iterator[Event]:
        """What tells that the state of a record is not what it was."""
        if self._state(record) != before and (news := self._event(ctx, record)):
            yield news

    def _told(
        self,
        ctx: Context,
        change: Callable[[Record], Record | None],
        passed: Sequence[Mapping[str, Any]],
        others: Sequence[ChangeOf] = (),
    ) -> Change:
        """`change`, with the events that tell of other states, and with changes of others."""
        if self.event is None and not passed and not others:
            return change

        def told(current: Record) -> Record | Told | None:
            before, news = self._state(current), list[Event]()
            for output in passed:
                current.output.update(output)
                news += self._news(ctx, current, before)
                before = self._state(current)
            changed = change(current)
            if changed is None:
                return None
            return Told(changed, [*news, *self._news(ctx, changed, before)], others)

        return told


def _merge(
    record: Record, now: float, output: Mapping[str, Any] | None, state: Mapping[str, Any] | None
) -> Record:
    record.output.update(output or {})
    record.state.update(state or {})
    record.modified = now
    return record
