"""The policy simulator: the evaluation of real calls, asked what-if questions."""

from collections.abc import Iterable
from typing import Any

from sagesse.core.call import Context
from sagesse.core.page import write_token
from sagesse.core.policy import (
    Decision,
    Facts,
    Layer,
    NamedPolicy,
    Permissions,
    Policy,
    Verdict,
    compile_policy,
    decide_for,
)
from sagesse.core.policy.identity import user_principal
from sagesse.core.policy.request import principal_facts, time_facts
from sagesse.core.principal import Principal
from sagesse.core.record import Record
from sagesse.core.scope import parse_arn
from sagesse.core.service import Params, Result
from sagesse.services.iam._family import Family, size_of
from sagesse.services.iam.error import invalid_input, no_such_entity, validation_failed
from sagesse.services.iam.kind import ROLE, USER
from sagesse.services.iam.page import marker_name

_UNSUPPORTED = ("OrderedOrganizationPolicyInputList", "PolicyExclusionList", "ResourceOwner")
_MOST_DECISIONS = 10_000
_POLICY_SIZE = 10_240  # the largest quota of a policy in IAM
_RESTRICTION = (Verdict.EXPLICIT_DENY, Verdict.IMPLICIT_DENY, Verdict.ALLOWED)


class Simulation:
    """One simulation: the policies, the caller, and what is known about the request."""

    def __init__(self, permissions: Permissions, caller: Principal, req: Params, *, now: float) -> None:
        self._permissions = permissions
        self._caller = caller
        self._actions = [str(action) for action in req["ActionNames"]]
        self._resources = [str(resource) for resource in req.get("ResourceArns", ())] or ["*"]
        self._resource_policy = _resource_policy(req)
        entered = {
            entry["ContextKeyName"]: [str(value) for value in entry.get("ContextKeyValues", ())]
            for entry in req.get("ContextEntries", ())
            if "ContextKeyName" in entry
        }
        name = caller.name if caller.kind == "user" else ""
        own = {
            "aws:username": name,
            "aws:userid": caller.id,
            "aws:PrincipalArn": caller.role_arn or caller.arn,
        }
        self._facts = (own, principal_facts(caller), time_facts(now), entered)

    def results(self, begin: int, end: int) -> list[dict[str, Any]]:
        """A result for each of these actions, with one for each resource in it.

        Raises:
            ServiceError: so many that they would take minutes.
        """
        pairs = len(self._actions) * len(self._resources)
        if pairs > _MOST_DECISIONS:
            raise invalid_input(
                f"{pairs} combinations of ActionNames and ResourceArns; at most {_MOST_DECISIONS} are allowed."
            )
        return [self._result(action) for action in self._actions[begin:end]]

    def _result(self, action: str) -> dict[str, Any]:
        judged = [(resource, *self._judge(action, resource)) for resource in self._resources]
        by_restriction = sorted(judged, key=lambda item: _RESTRICTION.index(item[1].verdict))
        missing = sorted({key for _, _, keys in judged for key in keys})
        return {
            "EvalActionName": action,
            "EvalResourceName": "*",
            "EvalDecision": by_restriction[0][1].verdict.value,
            "MatchedStatements": _matched(by_restriction[0][1]),
            "MissingContextValues": missing,
            **self._boundary_detail([decision for _, decision, _ in judged]),
            "ResourceSpecificResults": [
                {
                    "EvalResourceName": resource,
                    "EvalResourceDecision": decision.verdict.value,
                    "MatchedStatements": _matched(decision),
                    "MissingContextValues": sorted(keys),
                    **self._boundary_detail([decision]),
                }
                for resource, decision, keys in judged
            ],
        }

    def _judge(self, action: str, resource: str) -> tuple[Decision, set[str]]:
        facts = Facts.of(*self._facts)
        decision = self._permissions.decide(action, resource, facts)
        if self._resource_policy is not None and decision.verdict is not Verdict.EXPLICIT_DENY:
            verdict, is_direct = decide_for(self._resource_policy, self._caller, action, resource, facts)
            if verdict is Verdict.EXPLICIT_DENY or (verdict is Verdict.ALLOWED and is_direct):
                named = NamedPolicy("ResourcePolicy", "resource", self._resource_policy)
                decision = Decision(verdict, "resource-based policy", (named,))
        return decision, facts.missing

    def _boundary_detail(self, decisions: list[Decision]) -> dict[str, Any]:
        boundary = self._permissions.boundary
        if boundary is None:
            return {}
        is_allowed = all(decision.layer != boundary.name for decision in decisions)
        return {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": is_allowed}}


class Simulator(Family):
    """SimulatePrincipalPolicy and SimulateCustomPolicy. An answer is complete unless MaxItems cuts it."""

    def simulate_principal_policy(self, ctx: Context, req: Params) -> Result:
        """What a user or a role of the account may do, with further policies if given."""
        _refuse_unsupported(req)
        record, caller = self._source(ctx, str(req["PolicySourceArn"]))
        own = self._identities.of_record(record)
        policies = [*self._identities.policies(record), *_inputs(req, "PolicyInputList")]
        boundary = _boundary(req) or own.boundary
        return _answer(ctx, Permissions(Layer("identity-based policy", policies), boundary), caller, req)

    def simulate_custom_policy(self, ctx: Context, req: Params) -> Result:
        """What the policies of the request would allow."""
        _refuse_unsupported(req)
        if "ResourcePolicy" in req and "CallerArn" not in req:
            raise invalid_input("A CallerArn is required when a ResourcePolicy is given.")
        identity = Layer("identity-based policy", _inputs(req, "PolicyInputList"))
        caller = _caller(ctx, str(req.get("CallerArn", "")))
        return _answer(ctx, Permissions(identity, _boundary(req)), caller, req)

    def _source(self, ctx: Context, arn: str) -> tuple[Record, Principal]:
        parsed = parse_arn(arn)
        what, _, rest = parsed.resource.partition("/") if parsed else ("", "", "")
        kind = {"user": USER, "role": ROLE}.get(what) if parsed and parsed.service == "iam" else None
        if kind is None:
            raise invalid_input(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
        record = kind.find(ctx, rest.rpartition("/")[2])
        if record is None or record.arn != arn:
            raise no_such_entity(f"The {what} with name {rest.rpartition('/')[2]} cannot be found.")
        return record, user_principal(record) if kind is USER else _role_principal(record)


def _answer(ctx: Context, permissions: Permissions, caller: Principal, req: Params) -> Result:
    simulation = Simulation(permissions, caller, req, now=ctx.now())
    begin = _begin(req)
    end = begin + int(req.get("MaxItems", _MOST_DECISIONS))
    result: dict[str, Any] = {"EvaluationResults": simulation.results(begin, end), "IsTruncated": False}
    if end < len(req["ActionNames"]):
        result.update(IsTruncated=True, Marker=write_token((str(end), str(end)), "name"))
    return result


def _begin(req: Params) -> int:
    marker = marker_name(req) or "0"
    if not (marker.isascii() and marker.isdecimal() and len(marker) < 10):
        raise validation_failed("Invalid Marker.")
    return int(marker)


def _refuse_unsupported(req: Params) -> None:
    for member in _UNSUPPORTED:
        if req.get(member):
            raise invalid_input(f"Sagesse does not support {member} in simulations.")


def _inputs(req: Params, member: str) -> Iterable[NamedPolicy]:
    for number, document in enumerate(map(str, req.get(member, ())), start=1):
        if size_of(document) > _POLICY_SIZE:
            raise invalid_input(f"{member}.{number} is larger than {_POLICY_SIZE} characters.")
        yield NamedPolicy(f"{member}.{number}", "none", compile_policy(document))


def _boundary(req: Params) -> Layer | None:
    policies = list(_inputs(req, "PermissionsBoundaryPolicyInputList"))
    return Layer("permissions boundary", policies) if policies else None


def _resource_policy(req: Params) -> Policy | None:
    return compile_policy(str(req["ResourcePolicy"]), "resource") if "ResourcePolicy" in req else None


def _caller(ctx: Context, arn: str) -> Principal:
    parsed = parse_arn(arn)
    if parsed is None:
        return Principal(account=ctx.account, arn=arn, kind="user")
    if parsed.resource.startswith("role/"):
        return Principal(account=parsed.account, arn=arn, kind="role", role_arn=arn)
    return Principal(account=parsed.account, arn=arn, kind="user", name=parsed.resource.rpartition("/")[2])


def _role_principal(role: Record) -> Principal:
    return Principal(
        account=role.account,
        arn=role.arn,
        kind="role",
        id=role.output["RoleId"],
        name=role.name,
        role_arn=role.arn,
        tags=tuple(role.tags.items()),
    )


def _matched(decision: Decision) -> list[dict[str, str]]:
    return [{"SourcePolicyId": policy.name, "SourcePolicyType": policy.sort} for policy in decision.matched]
