"""The list of constraints that one input breaks, in AWS's wording."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

Path: TypeAlias = "tuple[Path, str] | None"  # linked, so that a path costs nothing until it is shown
_MOST_VIOLATIONS = 100
_MOST_SHOWN = 1024


class Violations:
    """The constraints that one input breaks."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, value: Any, path: Path, constraint: str, *, is_sensitive: bool = False) -> None:
        """Note that `value` breaks `constraint`; beyond 100 of them, nothing."""
        if len(self.texts) < _MOST_VIOLATIONS:
            shown = "" if is_sensitive else " null" if value is None else f" '{show(value)}'"
            self.texts.append(
                f"Value{shown} at '{render_path(path)}' failed to satisfy constraint: {constraint}"
            )

    def message(self) -> str:
        """``2 validation errors detected: ...; ...``."""
        count = len(self.texts)
        return f"{count} validation error{'s' if count > 1 else ''} detected: {'; '.join(self.texts)}"


def render_path(path: Path) -> str:
    """``tags.1.member.key``."""
    parts: list[str] = []
    while path is not None:
        path, part = path
        parts.append(part)
    return ".".join(reversed(parts))


def show(value: Any) -> str:
    """`value` as Java would print it, at most 1024 characters of it."""
    match value:
        case str():
            return value[:_MOST_SHOWN]
        case bool():
            return "true" if value else "false"
        case list():
            return _show_list(value)  # pyright: ignore[reportUnknownArgumentType] - a value of the request
        case dict():
            return _show_map(value)  # pyright: ignore[reportUnknownArgumentType] - a value of the request
        case bytes():
            return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
        case _:
            return str(value)


def _show_list(value: Sequence[Any]) -> str:
    return f"[{', '.join(show(item) for item in value[:_MOST_SHOWN])[:_MOST_SHOWN]}]"


def _show_map(value: Mapping[str, Any]) -> str:
    pairs = (f"{key}={show(item)}" for key, item in islice(value.items(), _MOST_SHOWN))
    return f"{{{', '.join(pairs)[:_MOST_SHOWN]}}}"
