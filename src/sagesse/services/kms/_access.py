"""Who may use a key: its policy, the caller's own policies where the key policy leaves it to them, grants.

Source: the KMS developer guide, "Determining access to AWS KMS keys".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.policy import Facts, IdentityAuthorizer, compile_policy
from sagesse.core.policy.authorizer import denial
from sagesse.core.policy.decision import Decision, Verdict, decide_for
from sagesse.core.policy.facts import RawFacts
from sagesse.core.policy.request import context_facts, principal_facts, time_facts
from sagesse.core.principal import Principal
from sagesse.core.record import Listing, Record
from sagesse.core.service import Grant
from sagesse.services.kms.kind import ALIAS

_MANY = 1_000_000
_WITH_ALGORITHM = frozenset({"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo"})
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
        said: RawFacts | None = None,
    ) -> None:
        """Refuse the call unless `action` ("Encrypt") on the key is allowed.

        Args:
            ctx: the call.
            key: the key.
            action: without the service.
            context: the encryption context.
            operations: those of a grant that is to be created.
            said: what else the request says, by condition key.

        Raises:
            ServiceError: AccessDeniedException.
        """
        if ctx.principal.kind == "service":
            return
        grant = Grant(f"kms:{action}", key.arn)
        facts = _facts(ctx, key, action, context or {}, {**(said or {}), **_of_grant(operations)})
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
        return self._decide(ctx.principal, key, grant, _facts(ctx, key, action, {}, {}), policy).is_allowed

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


def _facts(ctx: Context, key: Record, action: str, context: Mapping[str, str], said: RawFacts) -> Facts:
    def gather() -> Iterable[RawFacts]:
        own: dict[str, str | Sequence[str]] = {
            "kms:CallerAccount": ctx.principal.account,
            **{f"kms:EncryptionContext:{name}": value for name, value in context.items()},
        }
        if context:
            own["kms:EncryptionContextKeys"] = list(context)
        if action in _WITH_ALGORITHM:
            own["kms:EncryptionAlgorithm"] = "SYMMETRIC_DEFAULT"
        if ctx.via:
            own["kms:ViaService"] = f"{ctx.via}.{ctx.region}.amazonaws.com"
        principal = principal_facts(ctx.principal)
        return context_facts(ctx), principal, time_facts(ctx.now()), _of_key(ctx, key), own, said

    return Facts(gather)


def _of_key(ctx: Context, key: Record) -> RawFacts:
    """What conditions may ask of a key."""
    aliases = ctx.store.list(ALIAS.id, key.scope, Listing(sort="name", limit=_MANY))
    names = [alias.name for alias in aliases if alias.request["TargetKeyId"] == key.name]
    return {
        **{f"aws:ResourceTag/{name}": value for name, value in key.tags.items()},
        **({"kms:ResourceAliases": names} if names else {}),
        "aws:ResourceAccount": key.account,
        "kms:KeySpec": "SYMMETRIC_DEFAULT",
        "kms:KeyUsage": "ENCRYPT_DECRYPT",
        "kms:KeyOrigin": "AWS_KMS",
        "kms:MultiRegion": "false",
    }


def _of_grant(operations: Sequence[str]) -> RawFacts:
    return {"kms:GrantOperations": list(operations)} if operations else {}


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
