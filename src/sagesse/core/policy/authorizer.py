"""The authorizer: every call's permissions against the policies of its principal."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple, Protocol

from sagesse.core.authorize import Authorizer
from sagesse.core.call import Call, Context
from sagesse.core.error import ServiceError, access_denied
from sagesse.core.model import service_model
from sagesse.core.policy.decision import Decision, Verdict, decide_for
from sagesse.core.policy.document import Policy
from sagesse.core.policy.facts import Facts, RawFacts
from sagesse.core.policy.identity import Identities
from sagesse.core.policy.request import context_facts, principal_facts, request_tags, time_facts
from sagesse.core.principal import Principal
from sagesse.core.service import Facts as CallFacts
from sagesse.core.service import Grant

_TIME_KEYS = {"aws:currenttime": "aws:CurrentTime", "aws:epochtime": "aws:EpochTime"}
_UNLIMITED = ("root", "service")  # by identity policies
_ALLOWED = Decision(Verdict.ALLOWED, "")
_NOTHING = Decision(Verdict.IMPLICIT_DENY, "identity-based policy")
_NO_CONSENT = Decision(Verdict.IMPLICIT_DENY, "resource-based policy")


class Guard(NamedTuple):
    """Whose a resource is and what its own policy (compiled for use "resource") says; None: it has none."""

    account: str
    policy: Policy | None = None


class ResourcePolicies(Protocol):
    """Where resources keep policies of their own, e.g. bucket policies. Asked for every grant: answers from memory."""

    @property
    def service(self) -> str:
        """The service whose resources they are."""
        ...

    def find(self, principal: Principal, grant: Grant, facts: Facts) -> Guard | None:
        """What guards the grant's resource against `principal`, or None where only identity policies count."""
        ...

    def fact(self, grant: Grant, key: str, facts: Facts) -> str | None:
        """The value of a condition key (lower case) that only the resource knows, or None."""
        ...


class IdentityAuthorizer(Authorizer):
    """Judges by identity policies, permissions boundaries, session policies and, where given, resource policies.

    Root and AWS services may do everything in their account that no resource policy denies. Other accounts need
    the resource's consent and their own; without a signature only a resource policy allows anything.
    """

    def __init__(self, identities: Identities, resource_policies: ResourcePolicies | None = None) -> None:
        self._identities = identities
        self._resource_policies = resource_policies

    def is_unlimited(self, principal: Principal, service: str) -> bool:
        """See `Authorizer.is_unlimited`."""
        if principal.kind not in _UNLIMITED:
            return False
        return self._resource_policies is None or service != self._resource_policies.service

    def check(self, call: Call, grants: Iterable[Grant], facts: Callable[[], CallFacts]) -> None:
        """See `Authorizer.check`."""
        principal = call.principal
        for grant in grants:
            known = self._known(grant, partial(_facts, call, grant, facts))
            decision = self.decide(principal, grant, known)
            if not decision.is_allowed:
                raise denial(call.service, principal, grant, decision)

    def decide(
        self, principal: Principal, grant: Grant, facts: Facts, *, is_granted: bool = False
    ) -> Decision:
        """Whether `principal` may do that, and which policies say so.

        `is_granted` says that the resource itself (a role's trust policy, a bucket policy) grants it to the principal.
        """
        guard = self._resource_policies.find(principal, grant, facts) if self._resource_policies else None
        if guard is None:
            return self._own(principal, grant, facts, is_granted)
        verdict, is_direct = Verdict.IMPLICIT_DENY, False
        if guard.policy is not None:
            may_anyway = principal.account == guard.account and principal.kind in _UNLIMITED
            verdict, is_direct = decide_for(
                guard.policy, principal, grant.action, grant.resource, facts, only_denies=may_anyway
            )
        if verdict is Verdict.EXPLICIT_DENY:
            return Decision(verdict, "resource-based policy")
        is_allowed = verdict is Verdict.ALLOWED
        if principal.account == guard.account:
            return self._own(principal, grant, facts, is_granted or (is_allowed and is_direct))
        if principal.kind == "anonymous" or not is_allowed:
            return _ALLOWED if is_allowed else _NO_CONSENT
        return self._own(principal, grant, facts, is_granted)

    def require(
        self, ctx: Context, service: str, grant: Grant, facts: Mapping[str, str] | None = None
    ) -> None:
        """Refuse what `service` does for `ctx`'s principal unless `grant` is allowed.

        For permissions that only the handler can name; the pipeline has checked all others.

        Raises:
            ServiceError: AccessDenied, in AWS's wording.
        """
        if self.is_unlimited(ctx.principal, service):
            return
        known = self._known(grant, lambda: (context_facts(ctx), principal_facts(ctx.principal), facts or {}))
        decision = self.decide(ctx.principal, grant, known)
        if not decision.is_allowed:
            raise denial(service, ctx.principal, grant, decision)

    def _own(self, principal: Principal, grant: Grant, facts: Facts, is_granted: bool) -> Decision:
        if principal.kind in _UNLIMITED:
            return _ALLOWED
        if principal.kind == "anonymous":
            return _ALLOWED if is_granted else _NOTHING
        permissions = self._identities.permissions(principal)
        decide = permissions.decide_granted if is_granted else permissions.decide
        return decide(grant.action, grant.resource, facts)

    def _known(self, grant: Grant, gather: Callable[[], Iterable[RawFacts]]) -> Facts:
        return Facts(gather, partial(self._late, grant))

    def _late(self, grant: Grant, key: str, facts: Facts) -> str | None:
        """Time, tags and boundary of the resource, and what else the resource knows."""
        if key in _TIME_KEYS:
            return time_facts(self._identities.now())[_TIME_KEYS[key]]
        if key == "iam:permissionsboundary":
            record = self._identities.store.by_arn(grant.resource)
            return (
                record.output.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn") if record else None
            )
        _, found, tag = key.partition(":resourcetag/")
        if found:
            record = self._identities.store.by_arn(grant.resource)
            if record is not None:
                return next((value for name, value in record.tags.items() if name.lower() == tag), None)
        return self._resource_policies.fact(grant, key, facts) if self._resource_policies else None


def _facts(call: Call, grant: Grant, facts: Callable[[], CallFacts]) -> Iterable[RawFacts]:
    """What the call itself says."""
    yield principal_facts(call.principal)
    yield request_tags(call.params)
    yield facts()
    if grant.action == "iam:PassRole":
        yield {"iam:PassedToService": f"{call.service}.amazonaws.com"}


def denial(service: str, principal: Principal, grant: Grant, decision: Decision) -> ServiceError:
    """AWS's refusal, in the code of the service's protocol."""
    if service == "s3" and (principal.kind == "anonymous" or decision is _NO_CONSENT):
        return ServiceError("AccessDenied", "Access Denied", status=403)
    article = "an" if decision.layer[:1] in "aeiou" else "a"
    if decision.verdict is Verdict.EXPLICIT_DENY:
        because = f"with an explicit deny in {article} {decision.layer}"
    else:
        because = f"because no {decision.layer} allows the {grant.action} action"
    resource = f'"{grant.resource}"' if service == "s3" else grant.resource
    message = access_denied(principal.arn, grant.action, resource, because=because).message
    return ServiceError(_refusal_code(service), message, status=403)


def _refusal_code(service: str) -> str:
    """REST-XML and query services have a code of their own."""
    metadata = service_model(service).metadata
    protocols = {metadata.get("protocol", ""), *metadata.get("protocols", ())}
    return "AccessDenied" if protocols & {"query", "rest-xml"} else "AccessDeniedException"
