"""One line of a Condition element: an operator, a key and values, with set operators and IfExists."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from sagesse.core.policy.facts import Facts
from sagesse.core.policy.glob import Matches
from sagesse.core.policy.operator import OPERATORS

Quantifier: TypeAlias = Literal["", "ForAllValues", "ForAnyValue"]


class UnknownOperatorError(ValueError):
    """IAM has no condition operator of that name."""


class Condition(NamedTuple):
    """A compiled line. Several values are alternatives; several lines must all hold.

    Source: the IAM user guide on condition operators, on single and multivalued context keys.
    """

    key: str
    matches: Matches
    is_negated: bool
    quantifier: Quantifier
    holds_if_missing: bool

    def holds(self, facts: Facts) -> bool:
        """Whether the request fulfils this line."""
        values = facts.values(self.key)
        if not values:
            return self.holds_if_missing
        found = [self.matches(value, facts) for value in values]
        match self.quantifier:
            case "ForAllValues":
                return not any(found) if self.is_negated else all(found)
            case "ForAnyValue":
                return not all(found) if self.is_negated else any(found)
            case _:
                return any(found) != self.is_negated


class NullCondition(NamedTuple):
    """``Null``: whether the key must be absent."""

    key: str
    must_be_absent: frozenset[bool]

    def holds(self, facts: Facts) -> bool:
        """Whether the key is absent, or there, as asked."""
        return (not facts.values(self.key)) in self.must_be_absent


def compile_condition(
    operator: str, key: str, values: Sequence[str], *, has_variables: bool
) -> Condition | NullCondition:
    """A compiled line.

    Raises:
        UnknownOperatorError: no such operator.
        ValueError: a value the operator cannot read.
    """
    quantifier, name = _quantifier(operator)
    if name == "Null":
        return NullCondition(key.lower(), frozenset(_is_true(value) for value in values))
    is_optional = name.endswith("IfExists")
    rule = OPERATORS.get(name.removesuffix("IfExists"))
    if rule is None:
        raise UnknownOperatorError(operator)
    if_missing = quantifier == "ForAllValues" or (rule.is_negated and quantifier == "")
    return Condition(
        key.lower(),
        rule.compile(values, has_variables),
        rule.is_negated,
        quantifier,
        is_optional or if_missing,
    )


def _quantifier(operator: str) -> tuple[Quantifier, str]:
    prefix, colon, name = operator.partition(":")
    if not colon:
        return "", operator
    if prefix == "ForAllValues":
        return "ForAllValues", name
    if prefix == "ForAnyValue":
        return "ForAnyValue", name
    raise UnknownOperatorError(operator)


def _is_true(value: str) -> bool:
    if value.lower() not in {"true", "false"}:
        raise ValueError(f"Null takes true or false, not {value!r}")
    return value.lower() == "true"
