"""Inline and attached policies: the same for users and roles, only the names differ."""

from typing import Any

from sagesse.core.call import Context
from sagesse.core.kind import Kind
from sagesse.core.record import Record
from sagesse.core.service import Params
from sagesse.services.iam._family import Family, checked, quoted, size_of
from sagesse.services.iam.error import limit_exceeded, missing_policy, no_such_entity
from sagesse.services.iam.kind import USER, change
from sagesse.services.iam.page import sorted_page

MOST_ATTACHED = (
    20  # AWS raises its 10 to this on request; SageMaker's SDK v3 attaches 11 to a role it creates
)
_INLINE_SIZE = {"User": 2048, "Role": 10_240}


class PolicyHolders(Family):
    """What users and roles do with policies; the families name the operations."""

    def _put(self, ctx: Context, kind: Kind, req: Params) -> None:
        name, document = str(req["PolicyName"]), checked(str(req["PolicyDocument"]))
        most = _INLINE_SIZE[kind.name]

        def put(record: Record) -> None:
            record.state["inline"][name] = document
            if sum(map(size_of, record.state["inline"].values())) > most:
                raise limit_exceeded(
                    f"Maximum policy size of {most} bytes exceeded for {kind.name.lower()} {record.name}"
                )

        change(ctx, kind, str(req[kind.key]), put)
        self._identities.forget()

    def _get(self, ctx: Context, kind: Kind, req: Params) -> dict[str, Any]:
        record = kind.get(ctx, str(req[kind.key]))
        name = str(req["PolicyName"])
        document = record.state["inline"].get(name)
        if document is None:
            raise _no_inline(kind, name)
        return {kind.key: record.name, "PolicyName": name, "PolicyDocument": quoted(document)}

    def _list(self, ctx: Context, kind: Kind, req: Params) -> dict[str, Any]:
        record = kind.get(ctx, str(req[kind.key]))
        names: list[str] = list(record.state["inline"])
        return sorted_page("PolicyNames", names, req, lambda name: name)

    def _drop(self, ctx: Context, kind: Kind, req: Params) -> None:
        name = str(req["PolicyName"])

        def drop(record: Record) -> None:
            if record.state["inline"].pop(name, None) is None:
                raise _no_inline(kind, name)

        change(ctx, kind, str(req[kind.key]), drop)
        self._identities.forget()

    def _attach(self, ctx: Context, kind: Kind, req: Params) -> None:
        arn = str(req["PolicyArn"])
        self._check_attachable(ctx, arn)

        def attach(record: Record) -> None:
            attached: list[str] = record.state["attached"]
            if arn not in attached:
                attached.append(arn)
            if len(attached) > MOST_ATTACHED:
                raise limit_exceeded(f"Cannot exceed quota for PoliciesPer{kind.name}: {MOST_ATTACHED}")

        change(ctx, kind, str(req[kind.key]), attach)
        self._identities.forget()

    def _detach(self, ctx: Context, kind: Kind, req: Params) -> None:
        arn = str(req["PolicyArn"])

        def detach(record: Record) -> None:
            if arn not in record.state["attached"]:
                raise missing_policy(arn)
            record.state["attached"].remove(arn)

        change(ctx, kind, str(req[kind.key]), detach)
        self._identities.forget()

    def _list_attached(self, ctx: Context, kind: Kind, req: Params) -> dict[str, Any]:
        record = kind.get(ctx, str(req[kind.key]))
        prefix = str(req.get("PathPrefix", "/"))
        arns = [arn for arn in record.state["attached"] if policy_path(arn).startswith(prefix)]
        listed = [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in arns]
        return sorted_page("AttachedPolicies", listed, req, lambda policy: policy["PolicyArn"])

    def _set_boundary(self, ctx: Context, kind: Kind, req: Params) -> None:
        boundary = self._boundary(ctx, req)
        change(ctx, kind, str(req[kind.key]), lambda record: record.output.update(boundary))
        self._identities.forget()

    def _drop_boundary(self, ctx: Context, kind: Kind, req: Params) -> None:
        def drop(record: Record) -> None:
            if record.output.pop("PermissionsBoundary", None) is None:
                raise no_such_entity(f"{kind.name} {record.name} does not have a permissions boundary.")

        change(ctx, kind, str(req[kind.key]), drop)
        self._identities.forget()


def policy_path(arn: str) -> str:
    """The path in a managed policy's ARN."""
    return arn.partition(":policy")[2].rpartition("/")[0] + "/"


def _no_inline(kind: Kind, name: str) -> Exception:
    what = "user" if kind is USER else "role"
    return no_such_entity(f"The {what} policy with name {name} cannot be found.")
