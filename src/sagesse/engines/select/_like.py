"""LIKE. A pattern with many wild cards becomes a regular expression of RE2, which takes linear time on every text."""

import re
from collections.abc import Iterator

from sagesse.engines.select._tree import Literal, Node
from sagesse.engines.select._value import Value, as_text, quoted
from sagesse.engines.select.error import refusal

_ANY, _ONE = "%", "_"
_NATIVE_WILD_CARDS = 1  # with two DuckDB's LIKE takes the square of the text's length
_MAX_PATTERN = 1000
"""Characters, each of which may be compared with each of the text; nothing interrupts that."""


def like(value: Value, pattern: Node, escape: Node | None) -> str:
    """SQL for whether a text is as a pattern says; what is no text is not.

    Raises:
        ServiceError: LikeInvalidInputs, EvaluatorLikePatternInvalidEscapeSequence, UnsupportedSqlStructure.
    """
    if value.kind not in {"text", "any", "null"}:
        raise refusal(
            "LikeInvalidInputs", f"Invalid argument given to the LIKE clause: {value.kind} is no string."
        )
    text = as_text(value)
    if value.kind == "any":
        text = f"CASE WHEN json_type({value.sql}) = 'VARCHAR' THEN {text} END"
    parts = list(_parts(_constant(pattern), "" if escape is None else _constant(escape)))
    if len(parts) > _MAX_PATTERN:
        raise refusal(
            "UnsupportedSqlStructure",
            f"Patterns of the LIKE clause of at most {_MAX_PATTERN} characters are supported, not {len(parts)}.",
        )
    if sum(part == (_ANY, True) for part in parts) <= _NATIVE_WILD_CARDS:
        own = "".join(text if is_wild else re.sub(r"([\\%_])", r"\\\1", text) for text, is_wild in parts)
        return f"({text} LIKE {quoted(own)} ESCAPE '\\')"
    wild = {_ANY: ".*", _ONE: "."}
    expression = "".join(wild[text] if is_wild else re.escape(text) for text, is_wild in parts)
    return f"regexp_full_match({text}, {quoted(expression)}, 's')"


def _constant(node: Node) -> str:
    if not isinstance(node, Literal) or node.kind != "text":
        raise refusal(
            "LikeInvalidInputs",
            "Invalid argument given to the LIKE clause: only constant patterns are supported.",
        )
    return node.text


def _parts(pattern: str, escape: str) -> Iterator[tuple[str, bool]]:
    """Characters, and whether they are wild cards."""
    if len(escape) > 1:
        raise refusal("EvaluatorLikePatternInvalidEscapeSequence")
    characters = iter(pattern)
    for character in characters:
        if character != escape:
            yield character, character in {_ANY, _ONE}
            continue
        escaped = next(characters, "")
        if escaped not in {_ANY, _ONE, escape}:
            raise refusal("EvaluatorLikePatternInvalidEscapeSequence")
        yield escaped, False
