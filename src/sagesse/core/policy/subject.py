"""The Principal element: whom a trust policy or a resource policy speaks of."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from sagesse.core.principal import Principal
from sagesse.core.scope import canonical_id, parse_arn

Naming: TypeAlias = Literal["direct", "account", "none"]


class Subject(NamedTuple):
    """A compiled Principal or NotPrincipal element.

    `names` answers how a policy names a caller: "direct" (itself, or everybody), "account" (its account, which leaves
    the decision to the account's own policies) or "none".
    """

    is_negated: bool
    everybody: bool
    arns: frozenset[str]
    accounts: frozenset[str]
    services: frozenset[str]
    canonical: frozenset[str] = frozenset()

    def names(self, principal: Principal) -> Naming:
        """How the element names `principal`."""
        named = self._names(principal)
        if not self.is_negated:
            return named
        return "direct" if named == "none" else "none"

    def _names(self, principal: Principal) -> Naming:
        if self.everybody:
            return "direct"
        if principal.kind == "service":
            return "direct" if principal.name in self.services else "none"
        if principal.arn in self.arns or (principal.role_arn and principal.role_arn in self.arns):
            return "direct"
        is_its_account = principal.account in self.accounts or (
            bool(self.canonical) and canonical_id(principal.account) in self.canonical
        )
        if is_its_account:
            return "direct" if principal.kind == "root" else "account"
        return "none"


def compile_subject(element: str | Mapping[str, Sequence[str]], *, is_negated: bool) -> Subject:
    """A compiled element; `element` is "*" or the names by type ("AWS", "Service", ...)."""
    if isinstance(element, str):
        return Subject(is_negated, element == "*", frozenset(), frozenset(), frozenset())
    names = element.get("AWS", ())
    return Subject(
        is_negated,
        "*" in names,
        frozenset(name for name in names if _account(name) is None),
        frozenset(account for name in names if (account := _account(name)) is not None),
        frozenset(element.get("Service", ())),
        frozenset(element.get("CanonicalUser", ())),
    )


def _account(name: str) -> str | None:
    """The account that `name` stands for, or None when it names a user, a role or a session."""
    if len(name) == 12 and name.isdecimal():
        return name
    arn = parse_arn(name)
    return arn.account if arn is not None and arn.service == "iam" and arn.resource == "root" else None


def is_principal_name(kind: str, name: str) -> bool:
    """Whether `name` can be a principal of type `kind` in a trust policy."""
    match kind:
        case "AWS":
            arn = parse_arn(name)
            is_arn = arn is not None and arn.service in {"iam", "sts"} and len(arn.account) == 12
            return name == "*" or is_arn or _account(name) is not None
        case "Service":
            return name.endswith((".amazonaws.com", ".amazonaws.com.cn"))
        case _:
            return kind in {"Federated", "CanonicalUser"} and bool(name)
