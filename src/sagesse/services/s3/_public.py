"""Whether a bucket policy opens a bucket to everybody.

Source: the S3 user guide, "The meaning of public".
"""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import orjson

# Condition keys that, with fixed values, make a statement for everybody one for a few.
_NARROWING = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:userid",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "s3:x-amz-server-side-encryption-aws-kms-key-id",
    }
)
_POSITIVE = frozenset(
    {"stringequals", "stringlike", "arnequals", "arnlike", "ipaddress", "stringequalsignorecase"}
)
_WIDEST_V4, _WIDEST_V6 = 8, 32  # larger networks are everybody


@lru_cache(maxsize=1024)
def is_public(policy: str) -> bool:
    """Whether the policy (a valid document) allows anything to everybody."""
    statements: Any = orjson.loads(policy)["Statement"]
    every = cast("list[dict[str, Any]]", statements if isinstance(statements, list) else [statements])
    return any(
        statement["Effect"] == "Allow"
        and _names_everybody(statement)
        and not _is_narrowed(statement.get("Condition") or {})
        for statement in every
    )


def _names_everybody(statement: Mapping[str, Any]) -> bool:
    if "NotPrincipal" in statement:
        return True
    principal: Any = statement["Principal"]
    named: Any = cast("dict[str, Any]", principal).get("AWS") if isinstance(principal, dict) else principal
    return "*" in _list(named)


def _is_narrowed(conditions: Mapping[str, Any]) -> bool:
    for operator, lines in conditions.items():
        name = operator.rpartition(":")[2].lower()  # IfExists does not narrow: without the key it holds
        if name not in _POSITIVE or operator.startswith("ForAllValues:"):
            continue
        for key, values in lines.items():
            if key.lower() in _NARROWING and all(
                _is_fixed(key.lower(), str(value)) for value in _list(values)
            ):
                return True
    return False


def _is_fixed(key: str, value: str) -> bool:
    if key != "aws:sourceip":
        return "*" not in value and "?" not in value and "${" not in value
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return network.prefixlen >= (_WIDEST_V4 if network.version == 4 else _WIDEST_V6)


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]
