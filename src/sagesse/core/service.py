"""Services and the table of operations they make.

A service is a small class: one public method per operation of its model, which answers a mapping of output members,
or a record that the pipeline projects on the output shape. Describe, list and delete of its kinds
come from the kinds. A public method that is no operation of the model fails when the class is made.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias, TypeVar

from sagesse.core.call import Context
from sagesse.core.error import NotImplementedOperation
from sagesse.core.kind import Kind
from sagesse.core.model import Operation, service_model
from sagesse.core.page import listing_of, scan, write_token
from sagesse.core.record import Record
from sagesse.core.scope import Scope

Params: TypeAlias = dict[str, Any]
Result: TypeAlias = Mapping[str, Any] | Record | None
Run: TypeAlias = Callable[[Context, Params], Result] | Callable[[Context, Params], Awaitable[Result]]
Where: TypeAlias = Literal["loop", "thread", "async"]
Facts: TypeAlias = Mapping[str, str | Sequence[str]]
F = TypeVar("F", bound=Callable[..., Any])

_NOT_OPERATIONS = frozenset({"advance"})
_INLINE = "_runs_inline"


class Grant(NamedTuple):
    """A permission a call needs: an IAM action on a resource ARN."""

    action: str
    resource: str


def _no_facts(operation: str, params: Params) -> Facts:
    return {}


class Handler(NamedTuple):
    """How an operation is run. `where`: on the loop's thread (sub-millisecond), in a thread, or as a coroutine."""

    operation: Operation
    run: Run
    where: Where
    grants: Callable[[str, Params, Scope], Iterable[Grant]]
    kind: Kind | None = None
    facts: Callable[[str, Params], Facts] = _no_facts


def inline(method: F) -> F:
    """Mark a handler that only reads and answers in well under a millisecond: it runs on the event loop."""
    setattr(method, _INLINE, True)
    return method


class Service:
    """Base of a service's resource families. Set `service` (botocore's name) and `kinds`."""

    service: ClassVar[str]
    kinds: ClassVar[tuple[Kind, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        model = service_model(cls.service)
        for name, value in vars(cls).items():
            if name.startswith("_") or name in _NOT_OPERATIONS or not callable(value):
                continue
            if name not in model.by_method:
                raise TypeError(
                    f"{cls.__name__}.{name} is no operation of {cls.service}: prefix helpers with '_'"
                )

    def advance(self, ctx: Context, record: Record) -> float | None:
        """Bring an open record one step further: idempotent, may run twice, may be interrupted anywhere.

        Returns:
            Seconds until the next step, or None when something will wake the record (or it is final).
        """
        raise NotImplementedError(f"{type(self).__name__} has open records but no advance")

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        """The permissions a call needs; services with finer rules override this."""
        action = f"{service_model(self.service).signing_name}:{operation}"
        for kind in self.kinds:
            if kind.key in params and not operation.startswith("List"):
                return (Grant(action, kind.arn(scope, str(params[kind.key]))),)
        return (Grant(action, str(params.get("ResourceArn", "*"))),)

    def _facts(self, operation: str, params: Params) -> Facts:
        """Condition keys of the service itself and their values in a call; the request is not validated yet."""
        return {}

    def _handlers(self) -> Iterable[Handler]:
        """Every operation of this family: its kinds' and its own methods."""
        model = service_model(self.service)
        for kind in self.kinds:
            for handler in _kind_handlers(model.operations, kind, self._grants):
                yield handler._replace(facts=self._facts)
        for name, operation in model.by_method.items():
            method = getattr(self, name, None)
            if method is not None:
                yield Handler(operation, method, _where(method), self._grants, facts=self._facts)


class Registry:
    """The operations of all services, by service and operation name."""

    def __init__(self, services: Iterable[Service]) -> None:
        self.services = tuple(services)
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._kinds = {kind.id: kind for service in self.services for kind in service.kinds}
        for service in self.services:
            for handler in service._handlers():  # pyright: ignore[reportPrivateUsage] - the registry is its only reader
                self._handlers[service.service, handler.operation.name] = handler

    def find(self, service: str, operation: str) -> Handler:
        """The handler.

        Raises:
            NotImplementedOperation: AWS has the operation, we do not.
        """
        handler = self._handlers.get((service, operation))
        if handler is None:
            raise NotImplementedOperation(service, operation)
        return handler

    def kind(self, kind_id: str) -> Kind:
        """The kind of that id ("service:Kind")."""
        return self._kinds[kind_id]

    def kinds(self) -> Iterable[tuple[Kind, Service]]:
        """Every kind with the service that advances it."""
        return [(kind, service) for service in self.services for kind in service.kinds]

    def operations(self) -> Iterable[tuple[str, str]]:
        """(service, operation) of everything that is implemented, sorted."""
        return sorted(self._handlers)


def _where(method: Callable[..., Any]) -> Where:
    code = getattr(method, "__code__", None)
    if code is not None and code.co_flags & 0x80:  # inspect.CO_COROUTINE
        return "async"
    return "loop" if getattr(method, _INLINE, False) else "thread"


def _kind_handlers(
    operations: Mapping[str, Operation],
    kind: Kind,
    grants: Callable[[str, Params, Scope], Iterable[Grant]],
) -> Iterable[Handler]:
    if kind.describe:
        operation = operations[kind.describe]
        yield Handler(operation, _describe(kind), "loop", grants, kind)
    if kind.listing:
        operation = operations[kind.listing]
        yield Handler(operation, _list(kind, operation), "loop", grants, kind)
    if kind.delete:
        operation = operations[kind.delete]
        yield Handler(operation, _delete(kind), "thread", grants, kind)


def _describe(kind: Kind) -> Run:
    def describe(ctx: Context, req: Params) -> Result:
        return kind.get(ctx, str(req[kind.key]))

    return describe


def _delete(kind: Kind) -> Run:
    def delete(ctx: Context, req: Params) -> Result:
        kind.remove(ctx, str(req[kind.key]))
        return None

    return delete


def _list(kind: Kind, operation: Operation) -> Run:
    service = operation.service
    pages = service.paginators[operation.name]
    limit_member: str = pages["limit_key"]
    summaries: str = kind.summaries or pages["result_key"]
    members = service.members(service.shapes[operation.output_members[summaries]["shape"]]["member"]["shape"])

    def list_records(ctx: Context, req: Params) -> Result:
        limit = int(req.get(limit_member, kind.page_size))
        listing = listing_of(
            req, descending=kind.lists_descending, after=req.get(pages["input_token"]), limit=limit + 1
        )
        test = kind.narrow(req) if kind.narrow is not None else None
        if test is None:
            records = ctx.store.list(kind.id, kind.scope(ctx.scope), listing)
        else:
            found = scan(ctx.store, kind.id, kind.scope(ctx.scope), listing)
            records = list(islice(filter(test, found), limit + 1))
        result: dict[str, Any] = {
            summaries: [kind.project(ctx, record, members) for record in records[:limit]]
        }
        if len(records) > limit:
            result[pages["output_token"]] = write_token(listing.position(records[limit - 1]), listing.sort)
        return result

    return list_records
