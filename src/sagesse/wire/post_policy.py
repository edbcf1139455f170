"""The policy document of a browser's upload: what the form may say, until when, and how long the file may be.

Source: the S3 API reference, "POST policy".
"""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

from sagesse.core.error import ServiceError

_UNBOUND = frozenset({"policy", "x-amz-signature", "signature", "awsaccesskeyid", "file"})
_IGNORED = "x-ignore-"
_MAX_DIGITS = 18


class SizeRange(NamedTuple):
    """How long the file may be."""

    least: int = 0
    most: int = 5 * 1024**3


def check_policy(encoded: str, fields: Mapping[str, str], bucket: str, now: float) -> SizeRange:
    """Refuse a form that its policy does not allow.

    Args:
        encoded: the policy in base64, as it was signed.
        fields: the form's fields, lower-case names.
        bucket: where the form was sent.
        now: epoch seconds.

    Raises:
        ServiceError: InvalidPolicyDocument, or AccessDenied with the condition that does not hold.
    """
    expiration, conditions = _read(encoded)
    if expiration <= now:
        raise _denied("Policy expired.")
    values = {**fields, "bucket": bucket}
    named: set[str] = set()
    size = SizeRange()
    for condition in conditions:
        match _parts(condition):
            case ("content-length-range", int(least), int(most)):
                size = SizeRange(least, most)
            case (str(operator), str(name), str(wanted)) if operator in {"eq", "starts-with"}:
                field = name.removeprefix("$").lower()
                named.add(field)
                value = values.get(field, "")
                if not (value == wanted if operator == "eq" else value.startswith(wanted)):
                    raise _denied(f"Policy Condition failed: {json.dumps(list(_parts(condition)))}")
            case _:
                raise _invalid("Invalid Simple-Condition.")
    extra = [name for name in fields if name not in named | _UNBOUND and not name.startswith(_IGNORED)]
    if extra:
        raise _denied(f"Extra input fields: {', '.join(sorted(extra))}")
    return size


def _read(encoded: str) -> tuple[float, list[Any]]:
    try:
        document: Any = json.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    known = cast("dict[str, Any]", document)
    try:
        moment = datetime.fromisoformat(str(known["expiration"]))
    except (KeyError, ValueError):
        raise _invalid("Invalid 'expiration' value.") from None
    conditions = known.get("conditions")
    if not isinstance(conditions, list):
        raise _invalid("Policy missing conditions.")
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.timestamp(), cast("list[Any]", conditions)


def _parts(condition: Any) -> tuple[Any, ...]:
    """A condition as operator, name and value, or as operator and bounds."""
    if isinstance(condition, dict):
        pairs = list(cast("dict[str, Any]", condition).items())
        return ("eq", f"${pairs[0][0]}", pairs[0][1]) if len(pairs) == 1 else ()
    if not isinstance(condition, list):
        return ()
    operator, *rest = cast("list[Any]", condition) or [""]
    operator = str(operator).lower()
    if operator == "content-length-range" and all(_is_length(bound) for bound in rest):
        return (operator, *(int(bound) for bound in rest))
    return (operator, *rest)


def _is_length(bound: Any) -> bool:
    text = str(bound)
    return text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS


def _denied(why: str) -> ServiceError:
    return ServiceError("AccessDenied", f"Invalid according to Policy: {why}", status=403)


def _invalid(why: str) -> ServiceError:
    return ServiceError("InvalidPolicyDocument", f"Invalid Policy: {why}", status=400)
