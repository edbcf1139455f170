"""The condition operators: how each compares a value of the request with the values of a policy."""

import base64
import binascii
import math
import operator as compare
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from sagesse.core.policy.glob import Matches, Values, Wild, cut, expand, matcher


class Operator(NamedTuple):
    """A comparison. `compile` makes a test out of the policy's values; negated operators are its opposite.

    `compile` raises ValueError for values the operator cannot read.
    """

    compile: Callable[[Sequence[str], bool], Matches]
    is_negated: bool = False


def _equal(values: Sequence[str], has_variables: bool, *, ignore_case: bool = False) -> Matches:
    patterns = [cut(value, has_variables=has_variables, has_wildcards=False) for value in values]

    def matches(text: str, facts: Values) -> bool:
        for parts in patterns:
            expanded = expand(parts, facts)
            if expanded is None:
                continue
            wanted = "".join(part.value if isinstance(part, Wild) else part for part in expanded)
            if wanted == text or (ignore_case and wanted.lower() == text.lower()):
                return True
        return False

    return matches


def _equal_ignoring_case(values: Sequence[str], has_variables: bool) -> Matches:
    return _equal(values, has_variables, ignore_case=True)


def _like(values: Sequence[str], has_variables: bool) -> Matches:
    return _any([matcher(cut(value, has_variables=has_variables)) for value in values])


def _arn_like(values: Sequence[str], has_variables: bool) -> Matches:
    return _any([matcher(cut(value, has_variables=has_variables), is_arn=True) for value in values])


def _any(tests: list[Matches]) -> Matches:
    return lambda text, facts: any(test(text, facts) for test in tests)


def _ordered(
    read: Callable[[str], Any], holds: Callable[[Any, Any], bool]
) -> Callable[[Sequence[str], bool], Matches]:
    """A comparison of values that `read` turns into something with an order."""

    def compile_values(values: Sequence[str], has_variables: bool) -> Matches:
        wanted = [read(value) for value in values]

        def matches(text: str, facts: Values) -> bool:
            try:
                found = read(text)
            except ValueError:
                return False
            return any(holds(found, value) for value in wanted)

        return matches

    return compile_values


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is no number")
    return number


def _instant(text: str) -> float:
    """Epoch seconds of an ISO 8601 date or of a number of seconds."""
    try:
        return _number(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _truth(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{text!r} is not base64") from error


def _in_network(values: Sequence[str], has_variables: bool) -> Matches:
    networks = [ip_network(value, strict=False) for value in values]

    @lru_cache(maxsize=256)
    def is_inside(text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        return any(address in network for network in networks)

    return lambda text, facts: is_inside(text)


def _family(name: str, read: Callable[[str], Any]) -> dict[str, Operator]:
    return {
        f"{name}Equals": Operator(_ordered(read, compare.eq)),
        f"{name}NotEquals": Operator(_ordered(read, compare.eq), is_negated=True),
        f"{name}LessThan": Operator(_ordered(read, compare.lt)),
        f"{name}LessThanEquals": Operator(_ordered(read, compare.le)),
        f"{name}GreaterThan": Operator(_ordered(read, compare.gt)),
        f"{name}GreaterThanEquals": Operator(_ordered(read, compare.ge)),
    }


OPERATORS: Mapping[str, Operator] = {
    "StringEquals": Operator(_equal),
    "StringNotEquals": Operator(_equal, is_negated=True),
    "StringEqualsIgnoreCase": Operator(_equal_ignoring_case),
    "StringNotEqualsIgnoreCase": Operator(_equal_ignoring_case, is_negated=True),
    "StringLike": Operator(_like),
    "StringNotLike": Operator(_like, is_negated=True),
    **_family("Numeric", _number),
    **_family("Date", _instant),
    "Bool": Operator(_ordered(_truth, compare.eq)),
    "BinaryEquals": Operator(_ordered(_bytes, compare.eq)),
    "IpAddress": Operator(_in_network),
    "NotIpAddress": Operator(_in_network, is_negated=True),
    "ArnEquals": Operator(_arn_like),
    "ArnLike": Operator(_arn_like),
    "ArnNotEquals": Operator(_arn_like, is_negated=True),
    "ArnNotLike": Operator(_arn_like, is_negated=True),
}
