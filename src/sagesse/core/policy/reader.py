"""The grammar of policy documents: reads JSON values into what a statement says, or refuses in IAM's words.

A refusal is a `NotAPolicyError` with that wording.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from sagesse.core.policy.subject import is_principal_name

_VERSIONS = ("2008-10-17", "2012-10-17")
_SYNTAX = "Syntax errors in policy."
_VENDOR = re.compile(r"[a-zA-Z0-9-]+\Z")
_SID = re.compile(r"[0-9A-Za-z]*\Z")
_ELEMENTS = frozenset(
    {
        "Sid",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Principal",
        "NotPrincipal",
        "Condition",
    }
)


class NotAPolicyError(Exception):
    """The document breaks the grammar; the text says where, in IAM's words."""


def read_statements(document: Any, use: str) -> tuple[str, list["Reader"]]:
    """Version and statements of a document for `use` ("identity", "trust", "resource").

    Raises:
        NotAPolicyError: it is none.
    """
    top = _object(document)
    if set(top) - {"Version", "Id", "Statement"}:
        raise NotAPolicyError(_SYNTAX)
    version = top.get("Version", "2008-10-17")
    if version not in _VERSIONS:
        raise NotAPolicyError(_SYNTAX)
    if use == "identity" and version == "2008-10-17":
        raise NotAPolicyError("Policy document must be version 2012-10-17 or greater.")
    found = top.get("Statement")
    statements = cast("list[Any]", found) if isinstance(found, list) else [found]
    if found is None or not statements:
        raise NotAPolicyError(_SYNTAX if "Statement" in top else "Missing required field Statement")
    readers = [Reader(_object(statement), use) for statement in statements]
    sids = [reader.sid for reader in readers if reader.sid]
    if len(sids) != len(set(sids)):
        raise NotAPolicyError("Statement IDs (SID) in a single policy must be unique.")
    return version, readers


class Reader:
    """One statement of a document."""

    def __init__(self, statement: Mapping[str, Any], use: str) -> None:
        if set(statement) - _ELEMENTS:
            raise NotAPolicyError(_SYNTAX)
        self._statement = statement
        self._use = use
        self.sid = self._sid()
        self.is_deny = self._is_deny()

    def actions(self) -> tuple[Sequence[str], bool]:
        """The action patterns, and whether they are NotAction."""
        actions, is_negated = self._either("Action", "Policy statement must contain actions.")
        for action in actions:
            self._check_action(action)
        return actions, is_negated

    def resources(self) -> tuple[Sequence[str], bool]:
        """The resource patterns, and whether they are NotResource; trust policies have none."""
        if self._use == "trust":
            for name in ("Resource", "NotResource"):
                if name in self._statement:
                    raise NotAPolicyError(f"Has prohibited field {name}")
            return (), False
        resources, is_negated = self._either("Resource", "Policy statement must contain resources.")
        for resource in resources:
            if resource != "*" and not resource.startswith("arn:"):
                raise NotAPolicyError(f'Resource {resource} must be in ARN format or "*".')
        return resources, is_negated

    def principals(self) -> tuple[str | Mapping[str, Sequence[str]], bool] | None:
        """The principals, and whether they are NotPrincipal; None in identity policies."""
        names = [name for name in ("Principal", "NotPrincipal") if name in self._statement]
        if self._use == "identity":
            if names:
                raise NotAPolicyError("Policy document should not specify a principal.")
            return None
        if not names:
            raise NotAPolicyError("Missing required field Principal")
        if len(names) > 1:
            raise NotAPolicyError(_SYNTAX)
        element = self._statement[names[0]]
        if element == "*":
            return "*", names[0] == "NotPrincipal"
        by_kind = {kind: _strings(found) for kind, found in _object(element).items()}
        for kind, principals in by_kind.items():
            _check_principals(kind, principals)
        return by_kind, names[0] == "NotPrincipal"

    def conditions(self) -> Iterator[tuple[str, str, Sequence[str]]]:
        """Every line of the Condition element: operator, key, values."""
        for operator, lines in _object(self._statement.get("Condition", {})).items():
            for key, values in _object(lines).items():
                yield operator, key, _scalars(values)

    def _sid(self) -> str:
        sid = self._statement.get("Sid", "")
        if not isinstance(sid, str):
            raise NotAPolicyError(_SYNTAX)
        if self._use == "identity" and not _SID.match(sid):
            raise NotAPolicyError(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
                "[0-9A-Za-z]*"
            )
        return sid

    def _is_deny(self) -> bool:
        effect = self._statement.get("Effect")
        if effect is None:
            raise NotAPolicyError("Missing required field Effect")
        if effect not in ("Allow", "Deny"):
            raise NotAPolicyError(f"Invalid effect: {effect}")
        return effect == "Deny"

    def _either(self, name: str, missing: str) -> tuple[Sequence[str], bool]:
        given = [element for element in (name, f"Not{name}") if element in self._statement]
        if len(given) > 1:
            raise NotAPolicyError(_SYNTAX)
        values = _strings(self._statement[given[0]]) if given else []
        if not values:
            raise NotAPolicyError(missing)
        return values, given[0] != name

    def _check_action(self, action: str) -> None:
        vendor, colon, name = action.partition(":")
        if self._use == "trust" and vendor.lower() != "sts":
            raise NotAPolicyError("AssumeRole policy may only specify STS AssumeRole actions.")
        if action == "*":
            return
        if not colon or not name:
            raise NotAPolicyError(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
            )
        if ":" in name:
            raise NotAPolicyError("Actions/Condition can contain only one colon.")
        if not _VENDOR.match(vendor):
            raise NotAPolicyError(f"Vendor {vendor} is not valid")


def _check_principals(kind: str, names: Sequence[str]) -> None:
    for name in names:
        if not is_principal_name(kind, name):
            raise NotAPolicyError(f'Invalid principal in policy: "{kind.upper()}":"{name}"')


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise NotAPolicyError(_SYNTAX)
    return cast("dict[str, Any]", value)


def _strings(value: Any) -> list[str]:
    """A string or a list of strings as a list."""
    values = cast("list[Any]", value) if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in values):
        raise NotAPolicyError(_SYNTAX)
    return values


def _scalars(value: Any) -> list[str]:
    """Strings, numbers and booleans (JSON writes them both ways) as strings."""
    values = cast("list[Any]", value) if isinstance(value, list) else [value]
    if not all(isinstance(item, (str, int, float)) for item in values):
        raise NotAPolicyError(_SYNTAX)
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in values]
