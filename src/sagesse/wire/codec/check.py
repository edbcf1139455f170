"""Compiles the constraints of an operation's input: required, length, range, pattern, enum, in AWS's wording."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any, TypeAlias

from sagesse.core.error import ServiceError
from sagesse.core.model import Operation, ServiceModel
from sagesse.wire.codec.pattern import PatternTimeout, matches
from sagesse.wire.codec.required import compile_required_check
from sagesse.wire.codec.shape import Shape, input_shape
from sagesse.wire.codec.violation import Path, Violations

Check: TypeAlias = Callable[[dict[str, Any]], None]
_Checker: TypeAlias = Callable[[Any, Path, Violations], None]
_Rule: TypeAlias = Callable[[Any], bool]  # whether a value keeps the constraint
_Rules: TypeAlias = list[tuple[str, _Rule]]  # (constraint in words, test)
_Parts: TypeAlias = Callable[[Any], Any]
_LONGEST_KEY = 256
_NOT_NULL = "Member must not be null"
# Services that report constraint errors under a code of their own.
_CODES = {"logs": "InvalidParameterException", "iot": "InvalidRequestException"}


def compile_check(operation: Operation) -> Check:
    """The function that raises when an input breaks constraints of the model."""
    shape = input_shape(operation.service, operation.raw.get("input"))
    if shape is None:
        return lambda params: None
    if operation.service.metadata["protocol"] == "rest-xml":
        return compile_required_check(shape)
    checker = _compiler(operation.service).checker(shape)
    code = _code(operation)
    if checker is None:
        return lambda params: None

    def check(params: dict[str, Any]) -> None:
        violations = Violations()
        with suppress(PatternTimeout):  # what was found until then is enough to refuse
            checker(params, None, violations)
        if violations.texts:
            raise ServiceError(code, violations.message(), status=400)

    return check


def _code(operation: Operation) -> str:
    service = operation.service
    if "ValidationError" in operation.errors:
        return "ValidationError"
    protocols = service.metadata.get("protocols", (service.metadata["protocol"],))
    return _CODES.get(service.name) or ("ValidationError" if "query" in protocols else "ValidationException")


class _Compiler:
    """Compiles shapes to checkers; None where nothing inside a shape is constrained."""

    def __init__(self) -> None:
        self._structures: dict[str, _Checker | None] = {}

    def checker(self, shape: Shape) -> _Checker | None:
        if shape.is_streaming or shape.is_event_stream:
            return None
        match shape.kind:
            case "structure":
                return self._structure(shape)
            case "list":
                return self._list(shape)
            case "map":
                return self._map(shape)
            case _:
                return _scalar(shape) if _rules(shape) else None

    def _structure(self, shape: Shape) -> _Checker | None:
        if shape.name in self._structures:
            return self._structures[shape.name]
        required = tuple((name, _camel(name)) for name in shape.traits.get("required", ()))
        table: dict[str, tuple[str, _Checker]] = {}
        check = _check_structure(required, table)
        self._structures[shape.name] = check  # before its members, which may lead back here
        for name, member in shape.members.items():
            checker = self.checker(member)
            if checker is not None:
                table[name] = (_camel(name), checker)
        if not required and not table:
            self._structures[shape.name] = None
        return self._structures[shape.name]

    def _list(self, shape: Shape) -> _Checker | None:
        if shape.item.kind in ("structure", "list", "map"):
            return _check_items(_check_whole(_rules(shape), [], shape), self.checker(shape.item))
        elements = ("Member must satisfy constraint", _rules(shape.item), _elements)
        return _check_whole(_rules(shape), [elements], shape)

    def _map(self, shape: Shape) -> _Checker | None:
        keys = ("Map keys must satisfy constraint", _rules(shape.key), _keys)
        if shape.value.kind in ("structure", "list", "map"):
            return _check_entries(_check_whole(_rules(shape), [keys], shape), self.checker(shape.value))
        values = ("Map value must satisfy constraint", _rules(shape.value), _values)
        return _check_whole(_rules(shape), [keys, values], shape)


@cache
def _compiler(service: ServiceModel) -> _Compiler:
    return _Compiler()


def _check_structure(
    required: tuple[tuple[str, str], ...], table: Mapping[str, tuple[str, _Checker]]
) -> _Checker:
    find = table.get

    def check(value: Any, path: Path, violations: Violations) -> None:
        for name, shown in required:
            if value.get(name) is None:
                violations.add(None, (path, shown), _NOT_NULL)
        for name, item in value.items():
            entry = find(name)
            if entry is not None and item is not None:
                entry[1](item, (path, entry[0]), violations)

    return check


def _check_items(check_whole: _Checker | None, inner: _Checker | None) -> _Checker | None:
    if inner is None:
        return check_whole

    def check(value: Any, path: Path, violations: Violations) -> None:
        if check_whole is not None:
            check_whole(value, path, violations)
        for number, item in enumerate(value, 1):
            inner(item, ((path, str(number)), "member"), violations)

    return check


def _check_entries(check_whole: _Checker | None, inner: _Checker | None) -> _Checker | None:
    if inner is None:
        return check_whole

    def check(value: Any, path: Path, violations: Violations) -> None:
        if check_whole is not None:
            check_whole(value, path, violations)
        for key, item in value.items():
            inner(item, ((path, key[:_LONGEST_KEY]), "member"), violations)

    return check


def _check_whole(rules: _Rules, inner: list[tuple[str, _Rules, _Parts]], shape: Shape) -> _Checker | None:
    """The checker of a list or map of scalars: elements that break a rule are reported with the whole value."""
    is_sensitive = bool(shape.traits.get("sensitive"))
    whole = rules + [
        _rule_of_parts(label, part_rules, parts) for label, part_rules, parts in inner if part_rules
    ]
    if not whole:
        return None

    def check(value: Any, path: Path, violations: Violations) -> None:
        _apply(whole, value, path, violations, is_sensitive=is_sensitive)

    return check


def _rule_of_parts(label: str, rules: _Rules, parts: _Parts) -> tuple[str, _Rule]:
    """One rule of a list or map: all its parts keep `rules`."""
    tests = [test for _, test in rules]

    def test_all(value: Any) -> bool:
        return all(test(part) for part in parts(value) for test in tests)

    return f"{label}: [{', '.join(constraint for constraint, _ in rules)}]", test_all


def _scalar(shape: Shape) -> _Checker:
    rules = _rules(shape)
    is_sensitive = bool(shape.traits.get("sensitive"))

    def check(value: Any, path: Path, violations: Violations) -> None:
        _apply(rules, value, path, violations, is_sensitive=is_sensitive)

    return check


def _apply(rules: _Rules, value: Any, path: Path, violations: Violations, *, is_sensitive: bool) -> None:
    for constraint, test in rules:
        try:
            is_kept = test(value)
        except PatternTimeout:
            violations.add(value, path, constraint, is_sensitive=is_sensitive)
            raise
        if not is_kept:
            violations.add(value, path, constraint, is_sensitive=is_sensitive)


def _rules(shape: Shape) -> _Rules:
    """The constraints of one shape itself."""
    traits = shape.traits
    rules: _Rules = []
    if shape.kind in ("integer", "long", "float", "double"):
        rules += _range_rules(traits.get("min"), traits.get("max"))
    elif shape.kind in ("string", "blob", "list", "map"):
        rules += _size_rules(traits.get("min"), traits.get("max"))
    if shape.kind == "string":
        if pattern := traits.get("pattern"):
            text = f"Member must satisfy regular expression pattern: {pattern}"
            rules.append((text, lambda value: matches(pattern, value)))
        if enum := traits.get("enum"):
            allowed = frozenset(enum)
            text = f"Member must satisfy enum value set: [{', '.join(enum)}]"
            rules.append((text, lambda value: value in allowed))
    return rules


def _size_rules(least: int | None, most: int | None) -> _Rules:
    rules: _Rules = []
    if most is not None:
        rules.append(
            (f"Member must have length less than or equal to {most}", lambda value: len(value) <= most)
        )
    if least:
        text = f"Member must have length greater than or equal to {least}"
        rules.append((text, lambda value: len(value) >= least))
    return rules


def _range_rules(least: float | None, most: float | None) -> _Rules:
    rules: _Rules = []
    if most is not None:
        rules.append((f"Member must have value less than or equal to {most}", lambda value: value <= most))
    if least is not None:
        text = f"Member must have value greater than or equal to {least}"
        rules.append((text, lambda value: value >= least))
    return rules


def _elements(value: Any) -> Any:
    return value


def _keys(value: Any) -> Any:
    return value.keys()


def _values(value: Any) -> Any:
    return value.values()


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]
