"""Who may use a key: its policy, the caller's own policies where the key policy leaves it to them, grants.

Source: the KMS developer guide, "Determining access to AWS KMS keys".
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.policy import Facts, IdentityAuthorizer, compile_policy
from sagesse.core.policy.authorizer import denial
from sagesse.core.policy.decision import Decision, Verdict, decide_for
from sagesse.core.policy.request import context_facts, principal_facts, time_facts
from sagesse.core.principal import Principal
from sagesse.core.record import Record
from sagesse.core.service import Grant

_NO_POLICY = Decision(Verdict.IMPLICIT_DENY, "resource-based policy")


class KeyAccess:
    """Judges calls on keys.

    Args:
        authorizer: knows the callers' own policies.
    """

    def __init__(self, authorizer: IdentityAuthorizer) -> None:
        self._authorizer = authorizer

    def require(
        self,
        ctx: Context,
        key: Record,
        action: str,
        *,
        context: Mapping[str, str] | None = None,
        operations: Sequence[str] = (),
    ) -> None:
        """Refuse the call unless `action` ("Encrypt") on the key is allowed.

        Args:
            ctx: the call.
            key: the key.
            action: without the service.
            context: the encryption context.
            operations: those of a grant that is to be created.

        Raises:
            ServiceError: AccessDeniedException.
        """
        if ctx.principal.kind == "service":
            return
        grant = Grant(f"kms:{action}", key.arn)
        facts = _facts(ctx, context or {}, operations)
        decision = self._decide(ctx.principal, key, grant, facts, key.state["policy"])
        if decision.is_allowed:
            return
        if decision.verdict is Verdict.IMPLICIT_DENY and _is_granted(
            key, ctx.principal, action, context or {}, operations
        ):
            return
        raise _denied(ctx.principal, grant, decision)

    def would_allow(self, ctx: Context, key: Record, policy: str, action: str) -> bool:
        """Whether the caller could do `action` if the key had that policy."""
        grant = Grant(f"kms:{action}", key.arn)
        return self._decide(ctx.principal, key, grant, _facts(ctx, {}, ()), policy).is_allowed

    def _decide(self, principal: Principal, key: Record, grant: Grant, facts: Facts, policy: str) -> Decision:
        if principal.kind == "anonymous":
            return _NO_POLICY
        compiled = compile_policy(policy, use="resource")
        verdict, is_direct = decide_for(compiled, principal, grant.action, grant.resource, facts)
        if verdict is Verdict.EXPLICIT_DENY:
            return Decision(verdict, "resource-based policy")
        if verdict is Verdict.ALLOWED:
            is_granted = is_direct and principal.account == key.account
            return self._authorizer.decide(principal, grant, facts, is_granted=is_granted)
        own = self._authorizer.decide(principal, grant, facts)
        return own if own.verdict is Verdict.EXPLICIT_DENY else _NO_POLICY


def names_principal(name: Any, principal: Principal) -> bool:
    """Whether a grant that names `name` means the caller."""
    return bool(name) and name in {principal.arn, principal.role_arn}


def _facts(ctx: Context, context: Mapping[str, str], operations: Sequence[str]) -> Facts:
    own: dict[str, str | Sequence[str]] = {
        "kms:CallerAccount": ctx.principal.account,
        **{f"kms:EncryptionContext:{key}": value for key, value in context.items()},
    }
    if context:
        own["kms:EncryptionContextKeys"] = list(context)
    if operations:
        own["kms:GrantOperations"] = list(operations)
    if ctx.via:
        own["kms:ViaService"] = f"{ctx.via}.{ctx.region}.amazonaws.com"
    return Facts.of(context_facts(ctx), principal_facts(ctx.principal), time_facts(ctx.now()), own)


def _is_granted(
    key: Record, principal: Principal, action: str, context: Mapping[str, str], operations: Sequence[str]
) -> bool:
    """Whether a grant allows it; one may be passed on only for operations that it has itself."""
    grants = cast("dict[str, dict[str, Any]]", key.state["grants"])
    return any(
        action in grant["Operations"]
        and set(operations) <= set(grant["Operations"])
        and names_principal(grant["GranteePrincipal"], principal)
        and _constraints_hold(grant.get("Constraints") or {}, context)
        for grant in grants.values()
    )


def _constraints_hold(constraints: Mapping[str, Mapping[str, str]], context: Mapping[str, str]) -> bool:
    equals, subset = constraints.get("EncryptionContextEquals"), constraints.get("EncryptionContextSubset")
    if equals is not None and dict(equals) != dict(context):
        return False
    return subset is None or dict(subset).items() <= dict(context).items()


def _denied(principal: Principal, grant: Grant, decision: Decision) -> ServiceError:
    error = denial("kms", principal, grant, decision)
    return ServiceError(error.code, error.message, status=400)
