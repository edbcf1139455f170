"""Typed hyperparameters: declared once as a struct, read from strings, explained from the same declaration.

    class Params(msgspec.Struct, kw_only=True, frozen=True):
        epochs: Annotated[int, Meta(ge=1, description="passes over the training data")] = 30
        optimizer: Literal["sgd", "adam"] = "sgd"

`parse(Params, {"epochs": "0", "optimizer": "sdg"})` names both mistakes in one `ClientError`.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple, TypeVar, cast

import msgspec
from msgspec import inspect as describe

from sagesse.algorithms.base import ClientError

P = TypeVar("P", bound=msgspec.Struct)


class Row(NamedTuple):
    """One hyperparameter as a table shows it."""

    name: str
    type: str
    default: str
    allowed: str
    meaning: str


def parse(
    kind: type[P],
    given: Mapping[str, str],
    *,
    unsupported: Mapping[str, str] | None = None,
    check: Callable[[P], Sequence[str]] | None = None,
) -> P:
    """Read `given` as `kind`; all mistakes are collected into one error.

    Names starting with `_` or `sagemaker_` are the platform's own and are skipped.

    Args:
        kind: the struct that declares the hyperparameters.
        given: names and values as the API carries them.
        unsupported: names that AWS knows and we refuse, each with the reason.
        check: rules between several hyperparameters; runs when each alone is right.

    Raises:
        ClientError: unknown, missing, unreadable or out-of-range hyperparameters.
    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values, wrong = dict[str, object](), list[str]()
    for name, text in given.items():
        if name.startswith(("_", "sagemaker_")):
            continue
        if name in (unsupported or {}):
            wrong.append(f"{name}: {(unsupported or {})[name]}")
        elif name not in fields:
            wrong.append(f"{name}: no such hyperparameter{_suggest(name, fields)}")
        else:
            _read(fields[name].type, name, text, values, wrong)
    required = [name for name, field in fields.items() if field.required and name not in given]
    wrong += [f"{name}: required, but not given" for name in required]
    result = kind(**{fields[name].name: value for name, value in values.items()}) if not wrong else None
    if result is not None and check is not None:
        wrong += check(result)
    if result is None or wrong:
        raise ClientError("Invalid hyperparameters: " + "; ".join(wrong))
    return result


def table(kind: type[msgspec.Struct]) -> list[Row]:
    """The declared hyperparameters, in order, for documentation and forms."""
    rows = list[Row]()
    for field in msgspec.structs.fields(kind):
        info = describe.type_info(field.type)
        default = "required" if field.required else "none" if field.default is None else str(field.default)
        rows.append(Row(field.encode_name, _type_name(info), default, allowed(info), _meaning(info)))
    return rows


def markdown(kind: type[msgspec.Struct]) -> str:
    """The table as the documentation shows it; a test keeps the two equal."""
    head = "| hyperparameter | default | allowed | meaning |\n|---|---|---|---|\n"
    return head + "".join(f"| {r.name} | {r.default} | {r.allowed} | {r.meaning} |\n" for r in table(kind))


def _suggest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


def _meaning(info: describe.Type) -> str:
    match info:
        case describe.Metadata():
            schema = cast(dict[str, str], info.extra_json_schema or {})  # pyright: ignore[reportUnknownMemberType]
            return schema.get("description", "")
        case describe.UnionType():
            return next((text for one in info.types if (text := _meaning(one))), "")
        case _:
            return ""


def _read(kind: object, name: str, text: str, values: dict[str, object], wrong: list[str]) -> None:
    """Some clients send each value JSON-encoded once more (`"\\"sgd\\""`); both spellings are read."""
    plain = text.strip()
    if len(plain) >= 2 and plain[0] == plain[-1] == '"':
        plain = plain[1:-1]
    try:
        value: object = msgspec.convert(plain, type=kind, strict=False)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError
    except (msgspec.ValidationError, ValueError):
        wrong.append(f"{name}: {text!r} is not allowed, expected {allowed(describe.type_info(kind))}")
    else:
        values[name] = value


def allowed(info: describe.Type) -> str:
    """What a value may be, in words."""
    match info:
        case describe.Metadata():
            return allowed(info.type)
        case describe.UnionType():
            return " or ".join(allowed(t) for t in info.types if not isinstance(t, describe.NoneType))
        case describe.LiteralType():
            return "one of " + ", ".join(str(value) for value in info.values)
        case describe.BoolType():
            return "true, false, 1 or 0"
        case describe.IntType() | describe.FloatType():
            return f"{_type_name(info)} number{_bounds(info)}"
        case _:
            return "text"


def _bounds(info: describe.IntType | describe.FloatType) -> str:
    signs = ((info.gt, "above"), (info.ge, "at least"), (info.lt, "below"), (info.le, "at most"))
    parts = [f"{word} {bound:g}" for bound, word in signs if bound is not None]
    return " " + " and ".join(parts) if parts else ""


def _type_name(info: describe.Type) -> str:
    match info:
        case describe.Metadata():
            return _type_name(info.type)
        case describe.UnionType():
            return " or ".join(_type_name(t) for t in info.types if not isinstance(t, describe.NoneType))
        case describe.IntType():
            return "whole"
        case describe.FloatType():
            return "real"
        case describe.BoolType():
            return "flag"
        case describe.LiteralType():
            return "choice"
        case _:
            return "text"
