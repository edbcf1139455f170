"""The kinds of IAM, and how their records are made: ARNs carry a path, which `Kind.create` does not know."""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sagesse.core.call import Context
from sagesse.core.kind import Kind
from sagesse.core.model import service_model
from sagesse.core.record import AlreadyExists, Listing, Record, Store
from sagesse.core.scope import Scope
from sagesse.services.iam._tags import checked_tags
from sagesse.services.iam.error import already_exists, missing_policy, no_such_entity

_BATCH = 200
_naming = threading.Lock()
"""Names differ by more than their case: nothing comes between looking and inserting."""

USER = Kind(
    service="iam",
    name="User",
    key="UserName",
    arn_path="user/{name}",
    missing=lambda name, arn: no_such_entity(f"The user with name {name} cannot be found."),
    duplicate=lambda record: already_exists(f"User with name {record.name} already exists."),
    arn_member="Arn",
    created_member="CreateDate",
    is_global=True,
    is_arn_lower=False,
)
ROLE = Kind(
    service="iam",
    name="Role",
    key="RoleName",
    arn_path="role/{name}",
    missing=lambda name, arn: no_such_entity(f"The role with name {name} cannot be found."),
    duplicate=lambda record: already_exists(f"Role with name {record.name} already exists."),
    arn_member="Arn",
    created_member="CreateDate",
    is_global=True,
    is_arn_lower=False,
)
POLICY = Kind(
    service="iam",
    name="Policy",
    key="PolicyName",
    arn_path="policy/{name}",
    missing=lambda name, arn: missing_policy(arn),
    duplicate=lambda record: already_exists(
        f"A policy called {record.name} already exists. Duplicate names are not allowed."
    ),
    arn_member="Arn",
    created_member="CreateDate",
    modified_member="UpdateDate",
    is_global=True,
    is_arn_lower=False,
)
ACCESS_KEY = Kind(
    service="iam",
    name="AccessKey",
    key="AccessKeyId",
    arn_path="access-key/{name}",
    missing=lambda name, arn: no_such_entity(f"The Access Key with id {name} cannot be found."),
    duplicate=lambda record: already_exists(f"Access Key with id {record.name} already exists."),
    created_member="CreateDate",
    is_global=True,
    is_arn_lower=False,
)


def path_arn(kind: Kind, account: str, name: str, path: str) -> str:
    """The ARN of a resource under `path` ("/", "/team/")."""
    return Scope(account, "").arn("iam", kind.arn_path.replace("/{name}", f"{path}{name}"))


def insert(
    store: Store,
    kind: Kind,
    request: Mapping[str, Any],
    *,
    account: str,
    now: float,
    output: Mapping[str, Any],
    state: Mapping[str, Any],
) -> Record:
    """Add a record named by its request, under the request's Path.

    Raises:
        ServiceError: the kind's duplicate error, also for a name that differs by case alone; tags with the same key.
    """
    kept = {key: value for key, value in request.items() if key not in {"Tags", "PermissionsBoundary"}}
    tags = checked_tags(request.get("Tags", ()))
    name = str(request[kind.key])
    path = str(request.get("Path", "/"))
    record = Record(
        kind=kind.id,
        account=account,
        region="",
        name=name,
        arn=path_arn(kind, account, name, path),
        created=now,
        modified=now,
        request={**kept, "Path": path},
        output=dict(output),
        state=dict(state),
        tags=tags,
    )
    with _naming:
        taken = store.list(kind.id, Scope(account, ""), Listing(limit=1, name_ignoring_case=name))
        if taken:
            raise kind.duplicate(taken[0])
        try:
            return store.insert(record)
        except AlreadyExists as clash:
            raise kind.duplicate(clash.existing) from clash


def change(ctx: Context, kind: Kind, name: str, edit: Callable[[Record], None]) -> Record:
    """Edit a record in place, atomically; `edit` may raise to refuse.

    Raises:
        ServiceError: the kind's not-found error.
    """

    def apply(record: Record) -> Record:
        edit(record)
        return record

    changed = ctx.store.update(kind.record_key(ctx.scope, name), apply)
    if changed is None:
        raise kind.missing(name, kind.arn(ctx.scope, name))
    return changed


def every(ctx: Context, kind: Kind, *, after: str | None = None) -> Iterator[Record]:
    """All records of the account by name, from behind the one named `after`."""
    while True:
        place = (after, after) if after is not None else None
        batch = ctx.store.list(
            kind.id, kind.scope(ctx.scope), Listing(sort="name", limit=_BATCH, after=place)
        )
        yield from batch
        if len(batch) < _BATCH:
            return
        after = batch[-1].name


def shown(ctx: Context, kind: Kind, record: Record, *, in_list: bool = False) -> dict[str, Any]:
    """The record on the model's shape of its kind; listings leave out tags and boundaries, as AWS's do."""
    members = dict(service_model("iam").members(kind.name))
    if in_list:
        members.pop("Tags", None)
        members.pop("PermissionsBoundary", None)
    return kind.project(ctx, record, members)
