"""Managed policies: customers' own with versions, and AWS's, which are there from the start."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

from sagesse.core.call import Context
from sagesse.core.identifier import new_unique_id
from sagesse.core.policy.aws_managed import ManagedPolicy, managed_policies
from sagesse.core.record import Record
from sagesse.core.service import Params, Result, inline
from sagesse.services.iam._family import Family, checked, quoted, size_of
from sagesse.services.iam._policies import policy_path
from sagesse.services.iam._tags import list_tags, tag, untag
from sagesse.services.iam.error import delete_conflict, limit_exceeded, missing_policy, no_such_entity
from sagesse.services.iam.kind import POLICY, ROLE, USER, change, every, insert, shown
from sagesse.services.iam.page import sorted_page

_SIZE = 6144
_VERSIONS = 5
_AWS_CREATED = 1_423_180_800.0  # 2015-02-06, when AWS began to have managed policies


class Policies(Family):
    """Managed policies."""

    kinds = (POLICY,)

    def create_policy(self, ctx: Context, req: Params) -> Result:
        """A policy with its first version."""
        document = _checked(str(req["PolicyDocument"]))
        record = insert(
            ctx.store,
            POLICY,
            {key: value for key, value in req.items() if key != "PolicyDocument"},
            account=ctx.account,
            now=ctx.now(),
            output={"PolicyId": new_unique_id("ANPA")},
            state={"versions": {"v1": _version(document, ctx.now())}, "default": "v1", "newest": 1},
        )
        return {"Policy": _shown(ctx, record, _Usage())}

    def get_policy(self, ctx: Context, req: Params) -> Result:
        """A policy, without its document."""
        arn = str(req["PolicyArn"])
        usage = _usage(ctx)
        managed = managed_policies().get(arn)
        if managed is not None:
            return {"Policy": _shown_aws(managed, usage)}
        record = _policy(ctx, arn)
        return {"Policy": _shown(ctx, record, usage, with_tags=True)}

    def list_policies(self, ctx: Context, req: Params) -> Result:
        """Policies of AWS, of the account, or both."""
        scope = req.get("Scope", "All")
        usage = _usage(ctx)
        found: list[dict[str, Any]] = []
        if scope != "AWS":
            found += [_shown(ctx, record, usage) for record in every(ctx, POLICY)]
        if scope != "Local":
            found += [_shown_aws(policy, usage) for policy in managed_policies().values()]
        prefix = str(req.get("PathPrefix", "/"))
        listed = [policy for policy in found if policy["Path"].startswith(prefix) and _is_used(policy, req)]
        return sorted_page("Policies", listed, req, lambda policy: policy["Arn"])

    def delete_policy(self, ctx: Context, req: Params) -> Result:
        """Delete a policy that is not attached and has one version."""
        record = _policy(ctx, str(req["PolicyArn"]))
        usage = _usage(ctx)
        if usage.attached[record.arn] or usage.bounding[record.arn]:
            raise delete_conflict("Cannot delete a policy attached to entities.")
        ctx.store.delete(record.key, _check_one_version)
        self._identities.forget()
        return None

    def create_policy_version(self, ctx: Context, req: Params) -> Result:
        """A new version, the default at once if asked."""
        document = _checked(str(req["PolicyDocument"]))
        now = ctx.now()

        def add(record: Record) -> None:
            state = record.state
            if len(state["versions"]) >= _VERSIONS:
                raise limit_exceeded(
                    f"A managed policy can have up to {_VERSIONS} versions. Before you create a new version, you must "
                    "delete an existing version."
                )
            state["newest"] += 1
            name = f"v{state['newest']}"
            state["versions"][name] = _version(document, now)
            if req.get("SetAsDefault"):
                state["default"] = name
            record.modified = now

        record = change(ctx, POLICY, _policy(ctx, str(req["PolicyArn"])).name, add)
        self._identities.forget()
        return {"PolicyVersion": _shown_version(record, f"v{record.state['newest']}")}

    @inline
    def get_policy_version(self, ctx: Context, req: Params) -> Result:
        """One version with its document."""
        arn, name = str(req["PolicyArn"]), str(req["VersionId"])
        managed = managed_policies().get(arn)
        if managed is not None:
            return {"PolicyVersion": {**_aws_version(managed, name), "Document": quoted(managed.document)}}
        record = _policy(ctx, arn)
        shown_version = _shown_version(record, name)
        return {
            "PolicyVersion": {
                **shown_version,
                "Document": quoted(record.state["versions"][name]["document"]),
            }
        }

    @inline
    def list_policy_versions(self, ctx: Context, req: Params) -> Result:
        """The versions."""
        arn = str(req["PolicyArn"])
        managed = managed_policies().get(arn)
        if managed is not None:
            versions = [_aws_version(managed, "v1")]
        else:
            record = _policy(ctx, arn)
            versions = [_shown_version(record, name) for name in record.state["versions"]]
        return sorted_page("Versions", versions, req, lambda version: f"{version['VersionId']:>8}")

    def set_default_policy_version(self, ctx: Context, req: Params) -> Result:
        """Make another version the one that counts."""
        name = str(req["VersionId"])

        def choose(record: Record) -> None:
            _shown_version(record, name)
            record.state["default"] = name

        change(ctx, POLICY, _policy(ctx, str(req["PolicyArn"])).name, choose)
        self._identities.forget()
        return None

    def delete_policy_version(self, ctx: Context, req: Params) -> Result:
        """Delete a version that is not the default."""
        name = str(req["VersionId"])

        def drop(record: Record) -> None:
            _shown_version(record, name)
            if record.state["default"] == name:
                raise delete_conflict("Cannot delete the default version of a policy.")
            del record.state["versions"][name]

        change(ctx, POLICY, _policy(ctx, str(req["PolicyArn"])).name, drop)
        return None

    def list_entities_for_policy(self, ctx: Context, req: Params) -> Result:
        """The users and roles that a policy is attached to, or that it bounds."""
        arn = str(req["PolicyArn"])
        if arn not in managed_policies():
            _policy(ctx, arn)
        found = sorted_page(
            "found", _entities(ctx, arn, req), req, lambda record: f"{record.kind}/{record.name}"
        )
        records = cast("list[Record]", found.pop("found"))
        return {
            **found,
            "PolicyGroups": [],
            "PolicyUsers": [
                {"UserName": record.name, "UserId": record.output["UserId"]}
                for record in records
                if record.kind == USER.id
            ],
            "PolicyRoles": [
                {"RoleName": record.name, "RoleId": record.output["RoleId"]}
                for record in records
                if record.kind == ROLE.id
            ],
        }

    def tag_policy(self, ctx: Context, req: Params) -> Result:
        """Add or overwrite tags."""
        tag(ctx, _policy(ctx, str(req["PolicyArn"])), req)
        return None

    def untag_policy(self, ctx: Context, req: Params) -> Result:
        """Remove tags."""
        untag(ctx, _policy(ctx, str(req["PolicyArn"])), req)
        return None

    @inline
    def list_policy_tags(self, ctx: Context, req: Params) -> Result:
        """The tags."""
        return list_tags(_policy(ctx, str(req["PolicyArn"])), req)


class _Usage:
    """How often each policy is attached, and how often it bounds someone."""

    def __init__(self) -> None:
        self.attached: Counter[str] = Counter()
        self.bounding: Counter[str] = Counter()


def _usage(ctx: Context) -> _Usage:
    usage = _Usage()
    for kind in (USER, ROLE):
        for record in every(ctx, kind):
            usage.attached.update(record.state["attached"])
            usage.bounding.update(_boundaries(record))
    return usage


def _entities(ctx: Context, arn: str, req: Params) -> Iterable[Record]:
    prefix, wanted = str(req.get("PathPrefix", "/")), req.get("PolicyUsageFilter")
    kinds = {"User": (USER,), "Role": (ROLE,), None: (USER, ROLE)}.get(req.get("EntityFilter"), ())
    for kind in kinds:
        for record in every(ctx, kind):
            is_used = (arn in record.state["attached"] and wanted != "PermissionsBoundary") or (
                arn in _boundaries(record) and wanted != "PermissionsPolicy"
            )
            if is_used and record.request["Path"].startswith(prefix):
                yield record


def _boundaries(record: Record) -> list[str]:
    boundary = record.output.get("PermissionsBoundary")
    return [boundary["PermissionsBoundaryArn"]] if boundary else []


def _policy(ctx: Context, arn: str) -> Record:
    record = POLICY.find(ctx, arn.rpartition("/")[2])
    if record is None or record.arn != arn:
        raise missing_policy(arn)
    return record


def _checked(document: str) -> str:
    if size_of(checked(document)) > _SIZE:
        raise limit_exceeded(f"Cannot exceed quota for PolicySize: {_SIZE}")
    return document


def _version(document: str, now: float) -> dict[str, Any]:
    return {"document": document, "created": now}


def _check_one_version(record: Record) -> None:
    if len(record.state["versions"]) > 1:
        raise delete_conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )


def _shown(ctx: Context, record: Record, usage: _Usage, *, with_tags: bool = False) -> dict[str, Any]:
    return {
        **shown(ctx, POLICY, record, in_list=not with_tags),
        "DefaultVersionId": record.state["default"],
        "IsAttachable": True,
        "AttachmentCount": usage.attached[record.arn],
        "PermissionsBoundaryUsageCount": usage.bounding[record.arn],
    }


def _shown_aws(policy: ManagedPolicy, usage: _Usage) -> dict[str, Any]:
    return {
        "PolicyName": policy.name,
        "PolicyId": "ANPA" + policy.name.upper().ljust(17, "A")[:17],
        "Arn": policy.arn,
        "Path": policy_path(policy.arn),
        "DefaultVersionId": "v1",
        "IsAttachable": True,
        "AttachmentCount": usage.attached[policy.arn],
        "PermissionsBoundaryUsageCount": usage.bounding[policy.arn],
        "Description": policy.description,
        "CreateDate": _AWS_CREATED,
        "UpdateDate": _AWS_CREATED,
    }


def _shown_version(record: Record, name: str) -> dict[str, Any]:
    version = record.state["versions"].get(name)
    if version is None:
        raise _no_version(record.arn, name)
    return {
        "VersionId": name,
        "IsDefaultVersion": record.state["default"] == name,
        "CreateDate": version["created"],
    }


def _aws_version(policy: ManagedPolicy, name: str) -> dict[str, Any]:
    if name != "v1":
        raise _no_version(policy.arn, name)
    return {"VersionId": name, "IsDefaultVersion": True, "CreateDate": _AWS_CREATED}


def _no_version(arn: str, name: str) -> Exception:
    return no_such_entity(f"Policy {arn} version {name} does not exist or is not attachable.")


def _is_used(policy: dict[str, Any], req: Params) -> bool:
    counts = {
        "PermissionsPolicy": policy["AttachmentCount"],
        "PermissionsBoundary": policy["PermissionsBoundaryUsageCount"],
    }
    wanted = req.get("PolicyUsageFilter")
    count = counts[wanted] if wanted in counts else sum(counts.values())
    return count > 0 if req.get("OnlyAttached") or wanted else True
