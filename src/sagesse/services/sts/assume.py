"""AssumeRole: the role's trust policy, the caller's own rights, the limits of a session."""

from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.policy import (
    Facts,
    Identities,
    IdentityAuthorizer,
    Verdict,
    compile_policy,
    decide_for,
)
from sagesse.core.policy.request import context_facts, principal_facts, request_tags, time_facts
from sagesse.core.principal import Principal
from sagesse.core.record import Record
from sagesse.core.scope import parse_arn
from sagesse.core.service import Grant, Params, Result
from sagesse.services.sts.error import denied, validation_failed
from sagesse.services.sts.session import begin_session

_SESSION_S = 3600
_CHAINED_S = 3600
_PACKED_SIZE = 2048  # of policies and tags together, in characters
_POLICY_ARNS = 10


class RoleAssumption:
    """One request to assume a role."""

    def __init__(
        self, ctx: Context, req: Params, identities: Identities, authorizer: IdentityAuthorizer
    ) -> None:
        self._ctx = ctx
        self._req = req
        self._identities = identities
        self._authorizer = authorizer
        self._role_arn = str(req["RoleArn"])
        self._tags = {str(tag["Key"]): str(tag["Value"]) for tag in req.get("Tags", ())}

    def begin(self) -> Result:
        """The answer to AssumeRole.

        Raises:
            ServiceError: AccessDenied (also when there is no such role, as in AWS), ValidationError,
                PackedPolicyTooLarge, MalformedPolicyDocument.
        """
        refuse_unsupported(
            self._req, "SerialNumber", "TokenCode", "SourceIdentity", "ProvidedContexts", "TransitiveTagKeys"
        )
        if len({key.lower() for key in self._tags}) < len(self._req.get("Tags", ())):
            raise validation_failed(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive."
            )
        role = self._role()
        self._check_trust(role)
        duration_s = self._duration(role)
        policies = self._session_policies()
        principal = self._principal(role, policies)
        size = int(self._req.get("MinimumSessionTokenSize", 0))
        answer: dict[str, Any] = {
            "Credentials": begin_session(self._ctx, principal, duration_s, token_size=size),
            "AssumedRoleUser": {"AssumedRoleId": principal.id, "Arn": principal.arn},
        }
        if policies or self._tags:
            answer["PackedPolicySize"] = self._packed_percent()
        return answer

    def _role(self) -> Record:
        arn = parse_arn(self._role_arn)
        if arn is None or arn.service != "iam" or not arn.resource.startswith("role/"):
            raise validation_failed(f"{self._role_arn} is invalid")
        role = self._identities.role(arn.account, arn.resource.rpartition("/")[2])
        if role is None or role.arn != self._role_arn:
            raise self._denial("sts:AssumeRole")
        return role

    def _check_trust(self, role: Record) -> None:
        """Both sides must agree: the role, and unless the role names the caller itself, the caller's policies."""
        actions = ["sts:AssumeRole", *(["sts:TagSession"] if self._tags else [])]
        for action in actions:
            if not self._is_trusted(role, action):
                raise self._denial(action)

    def _is_trusted(self, role: Record, action: str) -> bool:
        caller = self._ctx.principal
        facts = Facts(self._facts)
        trust = decide_for(
            compile_policy(role.state["trust"], "trust"), caller, action, self._role_arn, facts
        )
        if trust.verdict is not Verdict.ALLOWED:
            return False
        # A role that names the caller itself needs no permission on the caller's side.
        is_granted = trust.is_direct and caller.account == role.account
        grant = Grant(action, self._role_arn)
        return self._authorizer.decide(caller, grant, facts, is_granted=is_granted).is_allowed

    def _facts(self) -> list[Any]:
        session = {"sts:RoleSessionName": str(self._req["RoleSessionName"])}
        if "ExternalId" in self._req:
            session["sts:ExternalId"] = str(self._req["ExternalId"])
        return [
            context_facts(self._ctx),
            principal_facts(self._ctx.principal),
            time_facts(self._identities.now()),
            request_tags(self._req),
            session,
        ]

    def _duration(self, role: Record) -> int:
        duration_s = int(self._req.get("DurationSeconds", _SESSION_S))
        if self._ctx.principal.kind == "service":
            return duration_s  # a service renews its sessions; ours asks for what its job may need
        if self._ctx.principal.kind == "role" and duration_s > _CHAINED_S:
            raise validation_failed(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            )
        if duration_s > int(role.request["MaxSessionDuration"]):
            raise validation_failed(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            )
        return duration_s

    def _session_policies(self) -> tuple[str, ...]:
        """The documents that narrow the session; together they count as one layer."""
        documents: list[str] = []
        if "Policy" in self._req:
            compile_policy(str(self._req["Policy"]))
            documents.append(str(self._req["Policy"]))
        arns = [str(policy.get("arn", "")) for policy in self._req.get("PolicyArns", ())]
        if len(arns) > _POLICY_ARNS:
            raise validation_failed(f"At most {_POLICY_ARNS} PolicyArns are allowed, {len(arns)} were given")
        for arn in arns:
            document = self._identities.document(arn)
            if document is None:
                raise validation_failed(f"Policy {arn} does not exist or is not attachable.")
            documents.append(document)
        if self._packed_percent() > 100:
            raise ServiceError(
                "PackedPolicyTooLargeException",
                f"Packed policy consumes {self._packed_percent()}% of allotted space, please use smaller policy.",
            )
        return tuple(documents)

    def _packed_percent(self) -> int:
        arns = [str(policy.get("arn", "")) for policy in self._req.get("PolicyArns", ())]
        parts = [str(self._req.get("Policy", "")), *arns, *self._tags, *self._tags.values()]
        return -(-sum(map(len, parts)) * 100 // _PACKED_SIZE)

    def _principal(self, role: Record, policies: tuple[str, ...]) -> Principal:
        session = str(self._req["RoleSessionName"])
        return Principal(
            account=role.account,
            arn=f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{session}",
            kind="role",
            id=f"{role.output['RoleId']}:{session}",
            name=role.name,
            role_arn=role.arn,
            session_policies=policies,
            tags=tuple({**role.tags, **self._tags}.items()),
        )

    def _denial(self, action: str) -> ServiceError:
        caller = self._ctx.principal
        return denied(
            f"User: {caller.arn} is not authorized to perform: {action} on resource: {self._role_arn}"
        )


def refuse_unsupported(req: Params, *members: str) -> None:
    """Refuse members that would change what the credentials may do and that are not built.

    Raises:
        ServiceError: names the first such member.
    """
    for member in members:
        if req.get(member):
            raise validation_failed(f"Sagesse does not support {member} in STS requests.")
