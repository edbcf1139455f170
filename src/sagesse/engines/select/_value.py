"""Values of expressions: a piece of DuckDB's SQL and what it yields.

``any`` is JSON, whose type each record decides; SQL's NULL then stands for MISSING, JSON's null for NULL. Elsewhere
NULL stands for both.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from sagesse.engines.select._tree import TypeName
from sagesse.engines.select.error import refusal

Kind: TypeAlias = TypeName | Literal["any", "null"]
NUMBERS = frozenset({"int", "decimal", "float"})
_SHORT = 40  # characters that may be written several times
MARK = "S3:"  # begins the message of a refusal that is raised inside the engine
_DECIMAL = "DECIMAL(38, 12)"
SQL_TYPES: dict[Kind, str] = {
    "bool": "BOOLEAN",
    "int": "BIGINT",
    "float": "DOUBLE",
    "decimal": _DECIMAL,
    "text": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "any": "JSON",
}
_INTEGER = r"\s*[+-]?[0-9]+\s*"
_NUMBER = r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?"


class Value(NamedTuple):
    """A value. `is_stored`: read as it is from a record, where it may be missing; `integer`: what a constant is."""

    sql: str
    kind: Kind
    is_stored: bool = False
    integer: int | None = None


def quoted(text: str) -> str:
    """A constant text in SQL."""
    parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
    return parts[0] if len(parts) == 1 else "(" + " || chr(0) || ".join(parts) + ")"


def failure(code: str, detail: str) -> str:
    """SQL that refuses when it is evaluated; `detail` is SQL for a text."""
    return f"error({quoted(f'{MARK}{code}|')} || {detail})"


def as_text(value: Value) -> str:
    """SQL for a value's text, as CSV shows it."""
    sql = value.sql
    match value.kind:
        case "text":
            return sql
        case "any":
            return f"json_extract_string({sql}, '$')"
        case "decimal":
            return f"rtrim(rtrim(CAST({sql} AS VARCHAR), '0'), '.')"
        case "timestamp":
            moment = f"strftime({sql}, '%Y-%m-%dT%H:%M:%S.%f')"
            return f"(rtrim(rtrim({moment}, '0'), '.') || 'Z')"
        case "null":
            return "CAST(NULL AS VARCHAR)"
        case _:
            return f"CAST({sql} AS VARCHAR)"


def as_json_text(value: Value) -> str:
    """SQL for a value's JSON, as text; NULL for what is missing or null."""
    match value.kind:
        case "any":
            return f"CAST(json({value.sql}) AS VARCHAR)"
        case "text" | "timestamp":
            return f"CAST(to_json({as_text(value)}) AS VARCHAR)"
        case "float":
            return f"CASE WHEN isfinite({value.sql}) THEN CAST({value.sql} AS VARCHAR) END"
        case _:
            return as_text(value)


def as_any(value: Value) -> Value:
    """The value as JSON."""
    if value.kind == "any":
        return value
    if value.kind == "null":
        return Value("CAST('null' AS JSON)", "any")
    return Value(f"coalesce(CAST({as_json_text(value)} AS JSON), CAST('null' AS JSON))", "any")


def is_null(value: Value) -> str:
    """SQL for whether it is null or missing."""
    if value.kind == "any":
        return f"coalesce(json_type({value.sql}) = 'NULL', true)"
    return f"({value.sql} IS NULL)"


def is_integer(value: Value) -> str:
    """SQL for whether a dynamic value is a whole number."""
    if value.kind == "any":
        return f"json_type({value.sql}) IN ('BIGINT', 'UBIGINT')"
    return f"regexp_full_match({value.sql}, '{_INTEGER}')" if value.kind == "text" else "true"


def is_number(value: Value) -> str:
    """SQL for whether a dynamic value is a number."""
    if value.kind == "any":
        return f"json_type({value.sql}) IN ('BIGINT', 'UBIGINT', 'DOUBLE')"
    return f"regexp_full_match({value.sql}, '{_NUMBER}')" if value.kind == "text" else "true"


def as_whole(value: Value) -> str:
    """SQL for the whole number a value holds, as wide as can be."""
    return f"TRY_CAST({value.sql} AS HUGEINT)"


def as_double(value: Value) -> str:
    """SQL for the number a value holds."""
    return f"TRY_CAST({value.sql} AS DOUBLE)"


def as_number(value: Value) -> Value:
    """The number that a value is; a text must be written as one, what JSON holds must be one.

    Raises:
        ServiceError: IncorrectSqlFunctionArgumentType.
    """
    sql = value.sql
    match value.kind:
        case "int" | "decimal" | "float" | "null":
            return value
        case "text":
            whole = f"CAST(CAST({sql} AS BIGINT) AS VARCHAR)"
            number = f"CASE WHEN isfinite({as_double(value)}) THEN CAST({as_double(value)} AS VARCHAR) END"
            wrong = failure("CastFailed", sql)
            return Value(
                f"CAST(CASE WHEN {is_integer(value)} THEN {whole} WHEN {is_number(value)} THEN {number} "
                f"WHEN {sql} IS NOT NULL THEN {wrong} END AS JSON)",
                "any",
            )
        case "any":
            wrong = failure("IncorrectSqlFunctionArgumentType", as_text(value))
            return Value(
                f"CASE WHEN {is_number(value)} THEN {sql} WHEN NOT {is_null(value)} THEN {wrong} END", "any"
            )
        case _:
            raise wrong_type(value, "a number")


def as_argument_text(value: Value) -> str:
    """SQL for the text a function works on.

    Raises:
        ServiceError: IncorrectSqlFunctionArgumentType.
    """
    match value.kind:
        case "text":
            return value.sql
        case "null":
            return "CAST(NULL AS VARCHAR)"
        case "any":
            wrong = failure("IncorrectSqlFunctionArgumentType", as_text(value))
            return (
                f"CASE WHEN json_type({value.sql}) = 'VARCHAR' THEN {as_text(value)} "
                f"WHEN NOT {is_null(value)} THEN {wrong} END"
            )
        case _:
            raise wrong_type(value, "a string")


def as_timestamp(value: Value, *, code: str = "ValueParseFailure", is_strict: bool = True) -> str:
    """SQL for the moment a value is, in UTC; a text is written as Ion does, ``2010-01-01T``. Not strict: else NULL.

    Raises:
        ServiceError: IncorrectSqlFunctionArgumentType.
    """
    if value.kind == "timestamp":
        return value.sql
    text = as_argument_text(value) if is_strict else as_text(value)
    clock = f"^({_DATE})T?({_TIME})?(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?$"
    # Years and months alone get their first day, hours without seconds get some.
    whole = (
        f"regexp_replace(regexp_replace(regexp_replace({text}, '^([0-9]{{4}})T?$', '\\1-01T'), "
        f"'^([0-9]{{4}}-[0-9]{{2}})T?$', '\\1-01T'), 'T([0-9]{{2}}:[0-9]{{2}})(Z|[+-].*)?$', 'T\\1:00\\2')"
    )
    known = f"regexp_replace(nullif(regexp_extract({whole}, '{clock}'), ''), 'T$', '')"
    moment = f"timezone('UTC', TRY_CAST({known} AS TIMESTAMPTZ))"
    if not is_strict:
        return moment
    return f"CASE WHEN {text} IS NOT NULL THEN coalesce({moment}, {failure(code, text)}) END"


def wrong_type(value: Value, wish: str) -> Exception:
    """The refusal of a value whose type is known to be wrong."""
    return refusal(
        "IncorrectSqlFunctionArgumentType",
        f"Incorrect type of arguments in function call in the SQL expression: {value.kind} where {wish} is needed.",
    )


def unify(values: Sequence[Value]) -> tuple[Kind, list[str]]:
    """The one type that several values have, or get, and their SQL; JSON where they have little in common."""
    kinds: set[Kind] = {value.kind for value in values if value.kind != "null"}
    kind: Kind
    match tuple(kinds):
        case ():
            kind = "null"
        case (kind,):
            pass
        case _:
            kind = "any" if not kinds <= NUMBERS else "float" if "float" in kinds else "decimal"
    return kind, [_widen(value, kind) for value in values]


def _widen(value: Value, kind: Kind) -> str:
    if value.kind in {kind, "null"}:
        return value.sql
    return as_any(value).sql if kind == "any" else f"CAST({value.sql} AS {SQL_TYPES[kind]})"


def bound(values: Sequence[Value], build: Callable[[Sequence[Value]], Value]) -> Value:
    """What `build` makes of values, each of which is written and evaluated only once, however often it is used."""
    names = [f"p{at}" for at, value in enumerate(values) if len(value.sql) > _SHORT]
    if not names:
        return build(values)
    members: list[str] = []
    shown: list[Value] = []
    for at, value in enumerate(values):
        name = f"p{at}"
        shown.append(value._replace(sql=f"p.{name}") if name in names else value)
        members += [f"'{name}': {value.sql}"] if name in names else []
    result = build(shown)
    return result._replace(sql=f"list_transform([{{{', '.join(members)}}}], lambda p: {result.sql})[1]")
