"""Required members of REST-XML inputs; S3 and S3 Control check everything else themselves."""

from collections.abc import Callable
from typing import Any, TypeAlias

from sagesse.core.error import ServiceError
from sagesse.wire.codec.shape import Shape

_NOT_VALID = "The XML you provided was not well-formed or did not validate against our published schema"


_Missing: TypeAlias = Callable[[Any], str | None]


def compile_required_check(shape: Shape) -> Callable[[dict[str, Any]], None]:
    """The function that raises InvalidRequest or MalformedXML when a member that the model requires is missing."""
    required = tuple(shape.traits.get("required", ()))
    payload = shape.traits.get("payload")
    inner = _required_inside(shape, {})
    nested = frozenset(name for name, member in shape.members.items() if member.kind in ("structure", "list"))

    def check(params: dict[str, Any]) -> None:
        if not all(map(params.get, required)):  # an empty text or a zero is there all the same
            for name in required:
                if params.get(name) is None:
                    raise _missing(name, is_body=name == payload)
        missing = None if nested.isdisjoint(params) else inner(params)
        if missing is not None:
            raise ServiceError("MalformedXML", f"{_NOT_VALID} ({missing} is missing)", status=400)

    return check


def _missing(name: str, *, is_body: bool) -> ServiceError:
    if is_body:
        return ServiceError("MissingRequestBodyError", "Request body is empty.", status=400)
    message = f"Missing required parameter for this request: '{name}'"
    return ServiceError("InvalidRequest", message, status=400)


def _required_inside(shape: Shape, known: dict[str, _Missing]) -> _Missing:
    """The function that names the first required member that is missing inside a value."""
    match shape.kind:
        case "structure":
            return known.get(shape.name) or _required_members(shape, known)
        case "list":
            inner = _required_inside(shape.item, known)
            return lambda value: next((found for item in value if (found := inner(item))), None)
        case _:
            return lambda value: None


def _required_members(shape: Shape, known: dict[str, _Missing]) -> _Missing:
    required = tuple(shape.traits.get("required", ()))
    table: dict[str, _Missing] = {}

    def find(value: Any) -> str | None:
        for name in required:
            if value.get(name) is None:
                return name
        for name, inner in table.items():
            item = value.get(name)
            if item is not None and (found := inner(item)):
                return found
        return None

    known[shape.name] = find
    for name, member in shape.members.items():
        if member.kind in ("structure", "list"):
            table[name] = _required_inside(member, known)
    return find
