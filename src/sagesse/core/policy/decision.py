"""The evaluation: an explicit deny wins, then an allow, else the implicit deny; boundaries and sessions narrow.

Source: the IAM user guide, "Policy evaluation logic".
"""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from sagesse.core.policy.document import ACTIONS_KEPT, Policy, Statement
from sagesse.core.policy.facts import Facts
from sagesse.core.principal import Principal


class Verdict(Enum):
    """How a decision came out, in the words of the policy simulator."""

    ALLOWED = "allowed"
    IMPLICIT_DENY = "implicitDeny"
    EXPLICIT_DENY = "explicitDeny"


class NamedPolicy(NamedTuple):
    """A policy with the name and the sort ("role", "aws-managed", ...) the simulator reports."""

    name: str
    sort: str
    policy: Policy


class Decision(NamedTuple):
    """A verdict, the layer it came from ("identity-based policy") and the policies whose statements led to it."""

    verdict: Verdict
    layer: str
    matched: tuple[NamedPolicy, ...] = ()

    @property
    def is_allowed(self) -> bool:
        """Whether the action may be done."""
        return self.verdict is Verdict.ALLOWED


class Layer:
    """Policies that are judged together, with the statements about each action kept at hand."""

    def __init__(self, name: str, policies: Iterable[NamedPolicy]) -> None:
        self.name = name
        self._statements = [(named, statement) for named in policies for statement in named.policy.statements]
        self._by_action: dict[str, tuple[tuple[NamedPolicy, Statement], ...]] = {}

    def decide(self, action: str, resource: str, facts: Facts) -> Decision:
        """The verdict of this layer alone."""
        allowing: tuple[NamedPolicy, ...] = ()
        for named, statement in self._about(action, facts):
            if (allowing and not statement.is_deny) or not statement.covers(resource, facts):
                continue
            if statement.is_deny:
                return Decision(Verdict.EXPLICIT_DENY, self.name, (named,))
            allowing = (named,)
        return Decision(Verdict.ALLOWED if allowing else Verdict.IMPLICIT_DENY, self.name, allowing)

    def _about(self, action: str, facts: Facts) -> tuple[tuple[NamedPolicy, Statement], ...]:
        about = self._by_action.get(action)
        if about is None:
            about = tuple(pair for pair in self._statements if pair[1].covers_action(action, facts))
            if len(self._by_action) < ACTIONS_KEPT:
                self._by_action[action] = about
        return about


class Permissions(NamedTuple):
    """Everything that limits a principal: its own policies, its boundary, its session's policies."""

    identity: Layer
    boundary: Layer | None = None
    session: Layer | None = None

    def decide(self, action: str, resource: str, facts: Facts) -> Decision:
        """Whether every layer allows the action; the decision of the layer that does not, otherwise."""
        decisions = self._ask(action, resource, facts)
        return _strictest(decisions) or decisions[0]

    def decide_granted(self, action: str, resource: str, facts: Facts) -> Decision:
        """The decision when a policy of the resource itself grants the action to the principal.

        Then the principal's own policies need not allow it, but they may deny it, and boundary and session still limit.
        """
        own, *limits = self._ask(action, resource, facts)
        asked = limits if own.verdict is Verdict.IMPLICIT_DENY else [own, *limits]
        return _strictest(asked) or Decision(Verdict.ALLOWED, "resource-based policy")

    def _ask(self, action: str, resource: str, facts: Facts) -> list[Decision]:
        layers = (self.identity, self.boundary, self.session)
        return [layer.decide(action, resource, facts) for layer in layers if layer is not None]


def _strictest(decisions: Iterable[Decision]) -> Decision | None:
    """The first explicit deny, else the first implicit one; None when all allow."""
    found: Decision | None = None
    for decision in decisions:
        if decision.verdict is Verdict.EXPLICIT_DENY:
            return decision
        if found is None and decision.verdict is Verdict.IMPLICIT_DENY:
            found = decision
    return found


class ResourceDecision(NamedTuple):
    """What a trust policy or a resource policy says: allowed to the principal itself, or to its account."""

    verdict: Verdict
    is_direct: bool = False


_SILENT = ResourceDecision(Verdict.IMPLICIT_DENY)


def decide_for(
    policy: Policy,
    principal: Principal,
    action: str,
    resource: str,
    facts: Facts,
    *,
    only_denies: bool = False,
) -> ResourceDecision:
    """The verdict of a policy that names principals; `only_denies` spares what allows, where nobody needs it."""
    allowed = _SILENT
    for statement in policy.about(action, facts, only_denies=only_denies):
        naming = statement.naming(principal)
        if naming == "none" or not statement.covers(resource, facts):
            continue
        if statement.is_deny:
            return ResourceDecision(Verdict.EXPLICIT_DENY)
        allowed = ResourceDecision(Verdict.ALLOWED, allowed.is_direct or naming == "direct")
    return allowed
