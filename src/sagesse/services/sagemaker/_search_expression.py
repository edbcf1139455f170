"""A SearchExpression as a test of one resource: SageMaker's filter language, compiled."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sagesse.core.error import ServiceError, validation_error
from sagesse.services.sagemaker._search_property import (
    Facts,
    Property,
    Type,
    check_list,
    find_property,
    list_values,
)

Test: TypeAlias = Callable[[Facts], bool]

_MOST = 50  # filters, nested filters and subexpressions of an expression together
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": lambda have, wanted: have > wanted,
    "GreaterThanOrEqualTo": lambda have, wanted: have >= wanted,
    "LessThan": lambda have, wanted: have < wanted,
    "LessThanOrEqualTo": lambda have, wanted: have <= wanted,
}
_OPERATORS: Mapping[Type, frozenset[str]] = {
    "group": frozenset({"Exists", "NotExists"}),
    "boolean": frozenset({"Exists", "NotExists", "Equals", "NotEquals"}),
    "text": frozenset({"Exists", "NotExists", "Equals", "NotEquals", "Contains", "In"}),
    "number": frozenset({"Exists", "NotExists", "Equals", "NotEquals", *_ORDERS}),
    "time": frozenset({"Exists", "NotExists", "Equals", "NotEquals", *_ORDERS}),
    "free": frozenset({"Exists", "NotExists", "Equals", "NotEquals", "Contains", "In", *_ORDERS}),
}


def compile_expression(
    expression: Mapping[str, Any], shape: str, *, contains_freely: frozenset[str] = frozenset()
) -> Test:
    """The test that an expression is.

    Args:
        expression: a SearchExpression.
        shape: the resource's shape in the model.
        contains_freely: properties that may be used with Contains more than once.

    Raises:
        ServiceError: an unknown property, an operator its type does not have, or too much.
    """
    filters = list(_all_filters(expression))
    if _count(expression) > _MOST:
        raise validation_error(f"SearchExpression has {_count(expression)} elements; allowed: {_MOST}.")
    bounded = [
        item for item in filters if item.get("Operator") == "Contains" and item["Name"] not in contains_freely
    ]
    if len(bounded) > 1:
        raise validation_error("'CONTAINS' operator usage limit of 1 exceeded.")
    return _compile(expression, shape)


def read_time(text: str) -> float:
    """Epoch seconds of an ISO 8601 time, UTC unless it says otherwise.

    Raises:
        ValueError: it is none.
    """
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _compile(expression: Mapping[str, Any], shape: str) -> Test:
    tests = [_filter(item, find_property(shape, item["Name"])) for item in expression.get("Filters", ())]
    tests += [_nested(item, shape) for item in expression.get("NestedFilters", ())]
    tests += [_compile(part, shape) for part in expression.get("SubExpressions", ())]
    if not tests:
        raise validation_error(
            "SearchExpression needs at least one of Filters, NestedFilters and SubExpressions."
        )
    if expression.get("Operator", "And") == "Or":
        return lambda facts: any(test(facts) for test in tests)
    return lambda facts: all(test(facts) for test in tests)


def _nested(nested: Mapping[str, Any], shape: str) -> Test:
    """One element of the list satisfies all of the filters."""
    name = nested["NestedPropertyName"]
    check_list(shape, name)
    elements = list_values(name)
    tests = [_filter(item, find_property(shape, item["Name"], below=name)) for item in nested["Filters"]]
    return lambda facts: any(all(test(element) for test in tests) for element in elements(facts))


def _filter(item: Mapping[str, Any], known: Property) -> Test:
    operator = item.get("Operator", "Equals")
    if operator not in _OPERATORS[known.type]:
        raise validation_error(
            f"Operator {operator} is not supported for property {known.name}; allowed: "
            f"{', '.join(sorted(_OPERATORS[known.type]))}"
        )
    values = known.values
    if operator in {"Exists", "NotExists"}:
        return lambda facts: bool(values(facts)) == (operator == "Exists")
    if "Value" not in item:
        raise validation_error(f"Operator {operator} on property {known.name} needs a Value.")
    holds = _comparison(operator, known, item["Value"])
    if operator == "NotEquals":  # also of a resource that has no such property
        return lambda facts: not any(holds(value) for value in values(facts))
    return lambda facts: any(holds(value) for value in values(facts))


def _comparison(operator: str, known: Property, text: str) -> Callable[[Any], bool]:
    if operator in _ORDERS:
        order, wanted, read = _ORDERS[operator], _wanted(known, text), _reader(known.type)
        return lambda value: (have := read(value)) is not None and order(have, wanted)
    match operator:
        case "Contains":
            return lambda value: text in str(value)
        case "In":
            allowed = frozenset(part.strip() for part in text.split(","))
            return lambda value: str(value) in allowed
        case _:
            return _equality(known, text)


def _equality(known: Property, text: str) -> Callable[[Any], bool]:
    match known.type:
        case "number":
            wanted = _wanted(known, text)
            return lambda value: value == wanted
        case "time":
            second = math.floor(_wanted(known, text))
            return lambda value: math.floor(value) == second
        case "boolean":
            if text.lower() not in {"true", "false"}:
                raise _bad_value(known, text, "true, false")
            return lambda value: value is (text.lower() == "true")
        case _:
            return lambda value: value == text


def _reader(kind: Type) -> Callable[[Any], float | None]:
    return _number_in if kind == "free" else lambda value: value


def _number_in(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _wanted(known: Property, text: str) -> float:
    try:
        if known.type == "time":
            return read_time(text)
        number = float(text)
    except (ValueError, OverflowError):
        allowed = "YYYY-mm-dd'T'HH:MM:SS" if known.type == "time" else "a number"
        raise _bad_value(known, text, allowed) from None
    if not math.isfinite(number):
        raise _bad_value(known, text, "a number")
    return number


def _bad_value(known: Property, text: str, allowed: str) -> ServiceError:
    return validation_error(f"Invalid value {text!r} for property {known.name}; allowed: {allowed}")


def _all_filters(expression: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = list(expression.get("Filters", ()))
    for nested in expression.get("NestedFilters", ()):
        found += nested["Filters"]
    for part in expression.get("SubExpressions", ()):
        found += _all_filters(part)
    return found


def _count(expression: Mapping[str, Any]) -> int:
    nested: Sequence[Mapping[str, Any]] = expression.get("NestedFilters", ())
    parts: Sequence[Mapping[str, Any]] = expression.get("SubExpressions", ())
    inner = sum(len(item["Filters"]) for item in nested) + sum(_count(part) for part in parts)
    return len(expression.get("Filters", ())) + len(nested) + len(parts) + inner
