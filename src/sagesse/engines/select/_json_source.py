"""Rows of JSON, and the values within them."""

import re
from collections.abc import Sequence
from typing import Any

from sagesse.engines.select._block import Block
from sagesse.engines.select._source import steps_of
from sagesse.engines.select._tree import Every, Index, Key, Path, Statement, Step
from sagesse.engines.select._value import Value, quoted

_SIMPLE = re.compile(r"\w+")
_LINES = (
    "(SELECT CAST(line AS JSON) AS j FROM "
    "(SELECT unnest(string_split(CAST($block AS VARCHAR), $record)) AS line) "
    "WHERE trim(line, ' ' || chr(9) || chr(10) || chr(13)) <> '')"
)


class JsonSource:
    """Rows are JSON values; behind FROM a path leads to them.

    Args:
        statement: the SELECT.
    """

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._paths: dict[str, str] = {}

    @property
    def relation(self) -> str:
        """See `Source.relation`; with the columns that were asked for so far."""
        columns = "".join(f", {sql} AS {name}" for sql, name in self._paths.items())
        return f"(SELECT j{columns} FROM {_relation(self._statement)})"

    def parameters(self, block: Block) -> dict[str, Any]:
        """What the relation is over."""
        return {"block": block.text, "record": block.record}

    def column(self, path: Path) -> Value:
        """See `Source.column`."""
        sql = within("j", steps_of(path, self._statement))
        return Value(self._paths.setdefault(sql, f"x{len(self._paths)}"), "any", is_stored=True)

    def every_text(self) -> str:
        """See `Source.every_text`."""
        members = (
            "list_transform(json_extract(j, '$.*'), lambda v: coalesce(json_extract_string(v, '$'), ''))"
        )
        whole = "list_value(coalesce(json_extract_string(j, '$'), ''))"
        return f"CASE WHEN json_type(j) = 'OBJECT' THEN {members} ELSE {whole} END"

    def every_json(self) -> str:
        """See `Source.every_json`."""
        text = "CAST(json(j) AS VARCHAR)"
        other = f"'{{' || coalesce('\"_1\":' || {text}, '') || '}}'"
        return f"CASE WHEN json_type(j) = 'OBJECT' THEN {text} ELSE {other} END"


def within(value: str, steps: Sequence[Step]) -> str:
    """SQL for what lies at a path in JSON: by the names as they are written, else in any case where none is quoted."""
    if not steps:
        return value
    exact = _exact(value, steps)
    if all(isinstance(step, Index) or step.is_exact for step in steps):
        return exact
    for step in steps:
        value = (
            _in_any_case(value, step)
            if isinstance(step, Key) and not step.is_exact
            else _exact(value, (step,))
        )
    return f"coalesce({exact}, {value})"


def _exact(value: str, steps: Sequence[Step]) -> str:
    if all(isinstance(step, Index) or _SIMPLE.fullmatch(step.name) for step in steps):
        path = "".join(
            f"[{step.position}]" if isinstance(step, Index) else f'."{step.name}"' for step in steps
        )
        return f"json_extract({value}, {quoted(f'${path}')})"
    for step in steps:
        path = f"$[{step.position}]" if isinstance(step, Index) else f"/{_pointer(step.name)}"
        value = f"json_extract({value}, {quoted(path)})"
    return value


def _in_any_case(value: str, key: Key) -> str:
    names = f"list_filter(json_keys(v), lambda k: lower(k) = {quoted(key.name.lower())})"
    pointer = f"replace(replace({names}[1], '~', '~0'), '/', '~1')"
    return f"list_transform(list_value({value}), lambda v: json_extract(v, '/' || {pointer}))[1]"


def _pointer(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _relation(statement: Statement) -> str:
    relation = _LINES
    for step in statement.root:
        if isinstance(step, Every):
            items = "CASE json_type(j) WHEN 'ARRAY' THEN json_extract(j, '$[*]') ELSE list_value(j) END"
            relation = f"(SELECT unnest({items}) AS j FROM {relation} WHERE j IS NOT NULL)"
        else:
            relation = f"(SELECT {within('j', (step,))} AS j FROM {relation})"
    return relation
