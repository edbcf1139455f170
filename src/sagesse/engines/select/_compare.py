"""Comparisons of values whose types may only be known record by record.

Numbers are compared exactly (whole ones beyond 2**53, too). A text next to a number is read as one. Values of
different types are not equal, and neither is less.
"""

from sagesse.engines.select._value import (
    NUMBERS,
    Value,
    as_any,
    as_double,
    as_text,
    as_timestamp,
    as_whole,
    is_integer,
    is_null,
    is_number,
)
from sagesse.engines.select.error import refusal

_EXACT = 1 << 53


def compare(operator: str, left: Value, right: Value) -> str:
    """SQL for a comparison, NULL where it is not known."""
    if "null" in {left.kind, right.kind}:
        return "CAST(NULL AS BOOLEAN)"
    if left.kind == right.kind != "any" or {left.kind, right.kind} <= NUMBERS:
        return f"({left.sql} {operator} {right.sql})"
    if operator not in {"=", "<>"}:
        return _alike(operator, left, right)
    same = f"coalesce({_alike('=', left, right)}, false)"
    wish = same if operator == "=" else f"NOT {same}"
    return f"CASE WHEN NOT {is_null(left)} AND NOT {is_null(right)} THEN {wish} END"


def holds(operator: str, left: Value, right: Value) -> str:
    """SQL for a comparison where only true counts."""
    is_mixed = left.kind != right.kind or left.kind == "any"
    if (
        operator != "="
        or not is_mixed
        or "null" in {left.kind, right.kind}
        or {left.kind, right.kind} <= NUMBERS
    ):
        return compare(operator, left, right)
    return _alike("=", left, right)


def _alike(operator: str, left: Value, right: Value) -> str:
    """SQL that is NULL, too, when the types differ."""
    kinds = {left.kind, right.kind}
    if kinds <= NUMBERS | {"text", "any"} and kinds & NUMBERS:
        return f"CASE {_numbers(operator, left, right)} END"
    if "timestamp" in kinds and kinds <= {"timestamp", "text", "any"}:
        a, b = (as_timestamp(value, is_strict=False) for value in (left, right))
        return f"({a} {operator} {b})"
    if "bool" in kinds and kinds <= {"bool", "text", "any"}:
        return f"({_bool(left)} {operator} {_bool(right)})"
    if kinds <= {"text", "any"}:
        return (
            _dynamic(operator, as_any(left), as_any(right))
            if kinds == {"any"}
            else _texts(operator, left, right)
        )
    raise refusal(
        "UnsupportedTypeForQuerying",
        f"Your query contains an unsupported type for comparison: {left.kind} {operator} {right.kind}.",
    )


def _numbers(operator: str, left: Value, right: Value) -> str:
    """The branches of a CASE for numbers."""
    both = (
        f"WHEN {is_number(left)} AND {is_number(right)} THEN {as_double(left)} {operator} {as_double(right)}"
    )
    if any(_is_plain(value) for value in (left, right)):
        return both
    whole = (
        f"WHEN {is_integer(left)} AND {is_integer(right)} THEN {as_whole(left)} {operator} {as_whole(right)}"
    )
    return f"{whole} {both}"


def _is_plain(value: Value) -> bool:
    """Whether comparing it as a double with any number is exact."""
    if value.kind in {"decimal", "float"}:
        return True
    return value.integer is not None and abs(value.integer) < _EXACT


def _texts(operator: str, left: Value, right: Value) -> str:
    a, b = (
        f"CASE WHEN json_type({value.sql}) = 'VARCHAR' THEN {as_text(value)} END"
        if value.kind == "any"
        else value.sql
        for value in (left, right)
    )
    return f"({a} {operator} {b})"


def _bool(value: Value) -> str:
    if value.kind == "bool":
        return value.sql
    text = as_text(value) if value.kind == "any" else f"lower({value.sql})"
    return f"CASE {text} WHEN 'true' THEN true WHEN 'false' THEN false END"


def _dynamic(operator: str, left: Value, right: Value) -> str:
    a, b = as_text(left), as_text(right)
    types = f"json_type({left.sql}) = json_type({right.sql})"
    same = f"WHEN {types} AND json_type({left.sql}) IN ('VARCHAR', 'BOOLEAN') THEN {a} {operator} {b}"
    whole = f"CAST(json({left.sql}) AS VARCHAR) = CAST(json({right.sql}) AS VARCHAR)"
    nested = f" WHEN {types} AND json_type({left.sql}) IN ('OBJECT', 'ARRAY') THEN {whole}"
    return f"CASE {_numbers(operator, left, right)} {same}{nested if operator == '=' else ''} END"
