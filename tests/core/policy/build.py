"""Documents and questions, short."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sagesse.core.policy import Facts, Layer, NamedPolicy, Permissions, Verdict, compile_policy

VERSION = "2012-10-17"


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, **elements}


def document(*statements: Mapping[str, Any], version: str | None = VERSION) -> str:
    top: dict[str, Any] = {"Statement": list(statements)}
    return json.dumps({"Version": version, **top} if version else top)


def allow(action: Any = "*", resource: Any = "*", **elements: Any) -> str:
    return document(statement(Action=action, Resource=resource, **elements))


def deny(action: Any = "*", resource: Any = "*", **elements: Any) -> str:
    return document(statement("Deny", Action=action, Resource=resource, **elements))


def layer(*documents: str, name: str = "identity-based policy") -> Layer:
    return Layer(
        name, [NamedPolicy(str(i), "none", compile_policy(text)) for i, text in enumerate(documents)]
    )


def verdict(
    documents: str | Sequence[str],
    action: str = "s3:GetObject",
    resource: str = "arn:aws:s3:::b/k",
    facts: Mapping[str, Any] | None = None,
) -> Verdict:
    texts = [documents] if isinstance(documents, str) else documents
    return Permissions(layer(*texts)).decide(action, resource, Facts.of(facts or {})).verdict


def holds(operator: str, key: str, wanted: Any, facts: Mapping[str, Any]) -> bool:
    """Whether one condition line holds."""
    text = allow(Condition={operator: {key: wanted}})
    return verdict(text, facts=facts) is Verdict.ALLOWED
