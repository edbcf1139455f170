"""Policy documents: from JSON text to something that can be asked.

A document is compiled once and kept; the same text never compiles twice.
"""

from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias

import orjson

from sagesse.core.error import ServiceError
from sagesse.core.policy.condition import Condition, NullCondition, UnknownOperatorError, compile_condition
from sagesse.core.policy.facts import Facts
from sagesse.core.policy.glob import Matches, globs
from sagesse.core.policy.reader import NotAPolicyError, Reader, read_statements
from sagesse.core.policy.subject import Naming, Subject, compile_subject
from sagesse.core.principal import Principal

ACTIONS_KEPT = 1024
Use: TypeAlias = Literal["identity", "trust", "resource"]


class MalformedPolicy(ServiceError):  # noqa: N818 - named after the AWS code it carries
    """The document is no policy; the message says why in IAM's words."""

    def __init__(self, message: str) -> None:
        super().__init__("MalformedPolicyDocumentException", message)


class Statement(NamedTuple):
    """A compiled statement."""

    sid: str
    is_deny: bool
    actions: Matches
    is_not_action: bool
    resources: Matches | None
    is_not_resource: bool
    subject: Subject | None
    conditions: tuple[Condition | NullCondition, ...]

    def covers_action(self, action: str, facts: Facts) -> bool:
        """Whether the statement speaks of `action`."""
        return self.actions(action, facts) != self.is_not_action

    def covers(self, resource: str, facts: Facts) -> bool:
        """Whether it speaks of `resource` and its conditions hold; trust policies are about their role alone."""
        if self.resources is not None and self.resources(resource, facts) == self.is_not_resource:
            return False
        held = [
            condition.holds(facts) for condition in self.conditions
        ]  # each is asked: Facts notes missing keys
        return all(held)

    def naming(self, principal: Principal) -> Naming:
        """How the statement names `principal`; identity policies name nobody."""
        return self.subject.names(principal) if self.subject is not None else "none"


class Policy:
    """A compiled document, with the statements about each action kept at hand.

    Args:
        statements: of the document.
    """

    def __init__(self, statements: tuple[Statement, ...]) -> None:
        self.statements = statements
        self._about: dict[tuple[str, bool], tuple[Statement, ...]] = {}

    def about(self, action: str, facts: Facts, *, only_denies: bool = False) -> tuple[Statement, ...]:
        """The statements that speak of `action`; of them those that deny, where nobody needs what allows."""
        about = self._about.get((action, only_denies))
        if about is None:
            about = tuple(
                statement
                for statement in self.statements
                if (statement.is_deny or not only_denies) and statement.covers_action(action, facts)
            )
            if len(self._about) < ACTIONS_KEPT:
                self._about[action, only_denies] = about
        return about


@lru_cache(maxsize=4096)
def compile_policy(text: str, use: Use = "identity") -> Policy:
    """The policy that `text` is.

    Args:
        text: JSON.
        use: where it will be used, which decides on the elements it must and must not have.

    Raises:
        MalformedPolicy: it is none.
    """
    try:
        document: Any = orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise MalformedPolicy("Syntax errors in policy.") from None
    try:
        version, statements = read_statements(document, use)
        return Policy(tuple(_statement(reader, version, use) for reader in statements))
    except _LegacyError:
        raise MalformedPolicy("The policy failed legacy parsing") from None
    except UnknownOperatorError as error:
        raise MalformedPolicy(f"Invalid Condition type : {error}.") from None
    except NotAPolicyError as error:
        raise MalformedPolicy(str(error)) from None


class _LegacyError(Exception):
    """A value that an operator cannot read."""


def _statement(reader: Reader, version: str, use: Use) -> Statement:
    has_variables = version != "2008-10-17"
    actions, is_not_action = reader.actions()
    resources, is_not_resource = reader.resources()
    principals = reader.principals()
    return Statement(
        sid=reader.sid,
        is_deny=reader.is_deny,
        actions=globs(actions, ignore_case=True),
        is_not_action=is_not_action,
        resources=None if use == "trust" else globs(resources, has_variables=has_variables),
        is_not_resource=is_not_resource,
        subject=compile_subject(principals[0], is_negated=principals[1]) if principals else None,
        conditions=tuple(_conditions(reader, has_variables)),
    )


def _conditions(reader: Reader, has_variables: bool) -> list[Condition | NullCondition]:
    compiled: list[Condition | NullCondition] = []
    for operator, key, values in reader.conditions():
        try:
            compiled.append(compile_condition(operator, key, values, has_variables=has_variables))
        except UnknownOperatorError:
            raise
        except ValueError:
            raise _LegacyError from None
    return compiled
