"""CAST, which fails where the value is not of the type: nothing is rounded from text, nothing guessed."""

from sagesse.core.error import ServiceError
from sagesse.engines.select._tree import Cast, TypeName
from sagesse.engines.select._value import (
    SQL_TYPES,
    Value,
    as_double,
    as_text,
    as_timestamp,
    failure,
    is_integer,
    is_number,
)
from sagesse.engines.select.error import refusal


def cast(value: Value, node: Cast) -> Value:
    """The value as another type.

    Raises:
        ServiceError: InvalidCast: there is no such conversion.
    """
    if value.kind == "null":
        return Value(f"CAST(NULL AS {SQL_TYPES[node.to]})", node.to)
    if node.to == "decimal" and node.precision is not None:
        exact = _convert(value, "decimal")
        return Value(
            f"CAST(CAST({exact} AS DECIMAL({node.precision}, {node.scale})) AS {SQL_TYPES['decimal']})",
            "decimal",
        )
    return Value(_convert(value, node.to), node.to)


def _convert(value: Value, to: TypeName) -> str:
    if value.kind == to:
        return value.sql
    if to == "text":
        return as_text(value)
    if to == "timestamp":
        if value.kind not in {"text", "any"}:
            raise _impossible(value, to)
        text = Value(as_text(value), "text")
        return as_timestamp(text, code="CastFailed")
    if value.kind == "timestamp":
        raise _impossible(value, to)
    if value.kind == "any":
        return _from_any(value, to)
    return _from_text(value, to) if value.kind == "text" else _from_scalar(value, to)


def _from_scalar(value: Value, to: TypeName) -> str:
    match to, value.kind:
        case "bool", _:
            return f"({value.sql} <> 0)"
        case "int", "decimal" | "float":
            return f"CAST(trunc({value.sql}) AS BIGINT)"
        case _:
            inner = f"CAST({value.sql} AS BIGINT)" if value.kind == "bool" else value.sql
            return f"CAST({inner} AS {SQL_TYPES[to]})"


def _from_text(value: Value, to: TypeName) -> str:
    sql = value.sql
    fails = f"WHEN {sql} IS NOT NULL THEN {failure('CastFailed', sql)} END"
    match to:
        case "bool":
            return f"CASE lower({sql}) WHEN 'true' THEN true WHEN 'false' THEN false ELSE CASE {fails} END"
        case "int":
            return f"CASE WHEN {is_integer(value)} THEN CAST({sql} AS BIGINT) {fails}"
        case _:
            return f"CASE WHEN {is_number(value)} THEN CAST({sql} AS {SQL_TYPES[to]}) {fails}"


def _from_any(value: Value, to: TypeName) -> str:
    text = _from_text(Value(as_text(value), "text"), to)
    if to == "int":
        whole = f"CAST(trunc({as_double(value)}) AS BIGINT)"
        return f"CASE WHEN json_type({value.sql}) = 'DOUBLE' THEN {whole} ELSE {text} END"
    if to == "bool":
        return f"CASE WHEN {is_number(value)} THEN {as_double(value)} <> 0 ELSE {text} END"
    return text


def _impossible(value: Value, to: TypeName) -> ServiceError:
    return refusal(
        "InvalidCast",
        "Attempt to convert from one data type to another using CAST failed in the SQL expression: "
        f"{value.kind} cannot become {to}.",
    )
