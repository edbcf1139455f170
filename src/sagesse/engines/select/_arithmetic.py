"""Sums, products, quotients. Whole numbers stay whole: 7 / 2 is 3; a division by zero is refused."""

from sagesse.engines.select._value import (
    NUMBERS,
    SQL_TYPES,
    Value,
    as_argument_text,
    as_number,
    failure,
    is_integer,
    is_number,
)


def negative(value: Value) -> Value:
    """Minus the value."""
    return combine("-", Value("CAST(0 AS BIGINT)", "int", integer=0), value)


def combine(operator: str, left: Value, right: Value) -> Value:
    """Two values under one of ``+ - * / % ||``.

    Raises:
        ServiceError: IncorrectSqlFunctionArgumentType.
    """
    if operator == "||":
        return Value(f"({as_argument_text(left)} || {as_argument_text(right)})", "text")
    left, right = as_number(left), as_number(right)
    kinds = {left.kind, right.kind}
    if "null" in kinds:
        return Value("NULL", "null")
    if "any" in kinds:
        return _dynamic(operator, left, right)
    return _static(operator, left, right)


def _static(operator: str, left: Value, right: Value) -> Value:
    kinds = {left.kind, right.kind}
    if kinds == {"int"}:
        return Value(_whole(operator, left.sql, right.sql, is_safe=bool(right.integer)), "int")
    if "float" in kinds or operator == "/":
        a, b = (f"CAST({value.sql} AS DOUBLE)" for value in (left, right))
        return Value(_checked(operator, a, b), "float")
    decimal = SQL_TYPES["decimal"]
    a, b = (f"CAST({value.sql} AS {decimal})" for value in (left, right))
    return Value(f"CAST({_checked(operator, a, b)} AS {decimal})", "decimal")


def _dynamic(operator: str, left: Value, right: Value) -> Value:
    """Of JSON's numbers, each is whole or not by itself."""
    a, b = (f"CAST({value.sql} AS DOUBLE)" for value in (left, right))
    double = f"WHEN {is_number(left)} AND {is_number(right)} THEN to_json({_checked(operator, a, b)})"
    if {left.kind, right.kind} & (NUMBERS - {"int"}):
        return Value(f"CASE {double} END", "any")
    a, b = (f"CAST({value.sql} AS BIGINT)" for value in (left, right))
    both = f"{is_integer(left)} AND {is_integer(right)}"
    whole = f"WHEN {both} THEN to_json({_whole(operator, a, b, is_safe=bool(right.integer))})"
    return Value(f"CASE {whole} {double} END", "any")


def _whole(operator: str, left: str, right: str, *, is_safe: bool) -> str:
    result = f"({left} {'//' if operator == '/' else operator} {right})"
    return result if is_safe or operator not in "/%" else _guarded(result, right)


def _checked(operator: str, left: str, right: str) -> str:
    result = f"({left} {operator} {right})"
    return _guarded(result, right) if operator in "/%" else result


def _guarded(result: str, divisor: str) -> str:
    wrong = failure("ExternalEvalException", "'division by zero'")
    return f"CASE WHEN {divisor} = 0 THEN {wrong} ELSE {result} END"
