"""The functions of one row."""

from collections.abc import Sequence

from sagesse.engines.select._compare import compare
from sagesse.engines.select._pattern import formatted
from sagesse.engines.select._tree import Literal, Node
from sagesse.engines.select._value import (
    Value,
    as_argument_text,
    as_number,
    as_timestamp,
    failure,
    is_null,
    unify,
    wrong_type,
)
from sagesse.engines.select.error import refusal

_TEXTS = {
    "char_length": ("length({})", "int"),
    "character_length": ("length({})", "int"),
    "lower": ("lower({})", "text"),
    "upper": ("upper({})", "text"),
    "ltrim": ("ltrim({})", "text"),
    "rtrim": ("rtrim({})", "text"),
}
_SIDES = {"both": "trim", "leading": "ltrim", "trailing": "rtrim"}
_INTERVALS = {
    "year": "to_years(CAST({} AS INTEGER))",
    "month": "to_months(CAST({} AS INTEGER))",
    "day": "to_days(CAST({} AS INTEGER))",
    "hour": "to_hours({})",
    "minute": "to_minutes({})",
    "second": "to_seconds({})",
}


def call(name: str, values: Sequence[Value], part: str, nodes: Sequence[Node]) -> Value:
    """What a function yields; `part` is a part of dates or a side.

    Raises:
        ServiceError: an argument has a wrong type or value.
    """
    if name in _TEXTS:
        template, kind = _TEXTS[name]
        return Value(template.format(as_argument_text(values[0])), "int" if kind == "int" else "text")
    match name:
        case "coalesce":
            return _coalesce(values)
        case "nullif":
            first, second = values
            return Value(
                f"CASE WHEN {compare('=', first, second)} THEN NULL ELSE {first.sql} END", first.kind
            )
        case "substring":
            return _substring(values)
        case "trim":
            return Value(f"{_SIDES[part]}({', '.join(as_argument_text(value) for value in values)})", "text")
        case "to_timestamp":
            return Value(as_timestamp(values[0]), "timestamp")
        case "to_string":
            return _to_string(values[0], nodes[1])
        case "extract":
            return _extract(part, values[0])
        case "date_add":
            return _date_add(part, *values)
        case _:
            first, second = (as_timestamp(value) for value in values)
            return Value(f"date_sub('{_plain(part)}', {first}, {second})", "int")


def _coalesce(values: Sequence[Value]) -> Value:
    kind, parts = unify(values)
    if kind != "any":
        return Value(f"coalesce({', '.join(parts)})", kind)
    tests = " ".join(
        f"WHEN NOT {is_null(value)} THEN {sql}" for value, sql in zip(values, parts, strict=True)
    )
    return Value(f"CASE {tests} ELSE CAST('null' AS JSON) END", "any")


def _substring(values: Sequence[Value]) -> Value:
    """Positions count from one; what lies before the text takes its share of the length."""
    text, start, *rest = values
    first = _whole(start)
    if not rest:
        return Value(f"substring({as_argument_text(text)}, greatest({first}, 1))", "text")
    length = _whole(rest[0])
    if rest[0].integer is not None and rest[0].integer < 0:
        raise refusal(
            "IllegalSqlFunctionArgument", "Illegal argument was used in the SQL function: SUBSTRING."
        )
    size = f"greatest({length} + least({first} - 1, 0), 0)"
    return Value(f"substring({as_argument_text(text)}, greatest({first}, 1), {size})", "text")


def _to_string(value: Value, pattern: Node) -> Value:
    if not isinstance(pattern, Literal) or pattern.kind != "text":
        raise refusal(
            "IllegalSqlFunctionArgument",
            "Illegal argument was used in the SQL function: TO_STRING takes a constant pattern.",
        )
    return Value(formatted(as_timestamp(value), pattern.text), "text")


def _extract(part: str, value: Value) -> Value:
    moment = as_timestamp(value)
    if part.startswith("timezone"):
        return Value(f"CASE WHEN {moment} IS NOT NULL THEN CAST(0 AS BIGINT) END", "int")
    return Value(f"CAST(extract({part} FROM {moment}) AS BIGINT)", "int")


def _date_add(part: str, quantity: Value, value: Value) -> Value:
    interval = _INTERVALS[_plain(part)].format(_whole(quantity))
    return Value(f"({as_timestamp(value)} + {interval})", "timestamp")


def _plain(part: str) -> str:
    if part.startswith("timezone"):
        raise refusal("ParseExpectedDatePart", f"The date part {part.upper()} can only be extracted.")
    return part


def _whole(value: Value) -> str:
    """SQL for a whole number."""
    number = as_number(value)
    match number.kind:
        case "int":
            return number.sql
        case "null":
            return "CAST(NULL AS BIGINT)"
        case "any":
            wrong = failure("IncorrectSqlFunctionArgumentType", f"CAST({number.sql} AS VARCHAR)")
            return f"CASE WHEN json_type({number.sql}) = 'DOUBLE' THEN {wrong} ELSE CAST({number.sql} AS BIGINT) END"
        case _:
            raise wrong_type(value, "a whole number")
