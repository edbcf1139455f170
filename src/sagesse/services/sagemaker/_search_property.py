"""The properties that Search knows: names, types and values, from the shape of the resource in the model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, Literal, NamedTuple, TypeAlias, cast

from sagesse.core.error import ServiceError, validation_error
from sagesse.core.model import service_model

Type: TypeAlias = Literal["text", "number", "time", "boolean", "free", "group"]
"""``free``: text that may be compared as a number (hyperparameters); ``group``: has members, is no value itself."""

Facts: TypeAlias = Mapping[str, Any]
"""A resource as its description shows it."""

_TYPES: Mapping[str, Type] = {
    "string": "text",
    "timestamp": "time",
    "boolean": "boolean",
    **dict.fromkeys(("integer", "long", "float", "double"), "number"),
}
_METRICS = "Metrics"
_DEPTH = 6


class Property(NamedTuple):
    """A property of a resource.

    Attributes:
        name: as filters name it ("HyperParameters.eta").
        values: what a resource has there: none, one, or one for each element of the lists on the way.
    """

    name: str
    type: Type
    values: Callable[[Facts], Sequence[Any]]


def find_property(shape: str, name: str, *, below: str = "") -> Property:
    """The property of that name.

    Args:
        shape: the resource's shape in the model.
        name: the whole name.
        below: the list that a nested filter is about; values are then those of one of its elements.

    Raises:
        ServiceError: the shape has no such property.
    """
    inside = name[len(below) + 1 :] if below and name.startswith(f"{below}.") else name
    if below and inside == name:
        raise _unknown(name)
    if not below:
        head, _, key = name.partition(".")
        if head == "Tags" and key:
            return Property(name, "text", partial(_pairs, "Tags", "Key", key))
        if head == _METRICS and key and "FinalMetricDataList" in _members(shape):
            return Property(name, "number", partial(_pairs, "FinalMetricDataList", "MetricName", key))
    start = _element(_walk(shape, below.split("."), name)[0], name) if below else shape
    found, path = _walk(start, inside.split("."), name)
    return Property(name, _type(found, path, start), partial(_values, path))


def list_values(name: str) -> Callable[[Facts], Sequence[Any]]:
    """The elements of the list property `name` of a resource."""
    return partial(_values, tuple(name.split(".")))


def check_list(shape: str, name: str) -> None:
    """Refuse a nested filter on what is no list of structures.

    Raises:
        ServiceError: names it.
    """
    _element(_walk(shape, name.split("."), name)[0], name)


@cache
def property_names(shape: str) -> tuple[str, ...]:
    """The names that the model gives, sorted; those of tags, metrics and map keys are only in the resources."""
    return tuple(sorted(name for name in _names(shape, "", _DEPTH) if not name.startswith("Tags.")))


def free_names(facts: Facts) -> Iterator[str]:
    """The names that a resource adds: of its tags, metrics and hyperparameters."""
    for prefix, member, key in (("Tags", "Tags", "Key"), (_METRICS, "FinalMetricDataList", "MetricName")):
        yield from (f"{prefix}.{item[key]}" for item in facts.get(member, ()))
    yield from (f"HyperParameters.{key}" for key in facts.get("HyperParameters", ()))


def _walk(shape: str, parts: Sequence[str], name: str) -> tuple[str, tuple[str, ...]]:
    """The shape that `parts` lead to, and the path; what is left of the name below a map is one key."""
    path: list[str] = []
    for number, part in enumerate(parts):
        raw = _shape(shape)
        if raw["type"] == "list":
            shape = raw["member"]["shape"]
            raw = _shape(shape)
        if raw["type"] == "map":
            return raw["value"]["shape"], (*path, ".".join(parts[number:]))
        if raw["type"] != "structure" or part not in raw.get("members", {}):
            raise _unknown(name)
        shape = raw["members"][part]["shape"]
        path.append(part)
    return shape, tuple(path)


def _type(shape: str, path: Sequence[str], start: str) -> Type:
    raw = _shape(shape)
    if raw["type"] == "list":
        raw = _shape(raw["member"]["shape"])
    is_free = len(path) == 2 and path[0] in {"HyperParameters", "Environment"} and path[0] in _members(start)
    return "free" if is_free else _TYPES.get(raw["type"], "group")


def _element(shape: str, name: str) -> str:
    raw = _shape(shape)
    if raw["type"] != "list" or _shape(raw["member"]["shape"])["type"] != "structure":
        raise validation_error(
            f"NestedPropertyName {name} is not allowed; allowed: a list, such as InputDataConfig."
        )
    return raw["member"]["shape"]


def _values(path: Sequence[str], facts: Facts) -> list[Any]:
    found: list[Any] = [facts]
    for part in path:
        found = [value[part] for value in _flat(found) if isinstance(value, Mapping) and part in value]
    return list(_flat(found))


def _flat(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from cast("list[Any]", value)
        else:
            yield value


def _pairs(member: str, key: str, wanted: str, facts: Facts) -> list[Any]:
    """The values of a list of key and value whose key is `wanted`."""
    items: Sequence[Facts] = facts.get(member, ())
    return [item["Value"] for item in items if item[key] == wanted]


def _names(shape: str, prefix: str, depth: int) -> Iterator[str]:
    raw = _shape(shape)
    if raw["type"] == "list":
        raw = _shape(raw["member"]["shape"])
    if prefix:
        yield prefix
    if raw["type"] == "structure" and depth:
        for member, reference in raw.get("members", {}).items():
            yield from _names(reference["shape"], f"{prefix}.{member}" if prefix else member, depth - 1)


def _members(shape: str) -> Mapping[str, Any]:
    return _shape(shape).get("members", {})


def _shape(name: str) -> Mapping[str, Any]:
    return service_model("sagemaker").shapes[name]


def _unknown(name: str) -> ServiceError:
    return validation_error(f"Unknown property name: {name}")
