"""Columns of delimited text: by the names of the header, or by position, ``_1``."""

import re
from typing import Any

from sagesse.engines.select._block import Block
from sagesse.engines.select._source import found_name, only_name, refuse_root
from sagesse.engines.select._tree import Path, Statement
from sagesse.engines.select._value import Value, quoted
from sagesse.engines.select.error import refusal

_POSITION = re.compile(r"_([0-9]{1,6})", re.ASCII)
_ROWS = (
    "(SELECT string_split(line, $field) AS r FROM "
    "(SELECT unnest(string_split(CAST($block AS VARCHAR), $record)) AS line))"
)


class CsvSource:
    """Rows are lists of texts; what a record is too short for is missing.

    Args:
        statement: the SELECT.
        names: of the columns; None when the object has no header to use.
    """

    relation = _ROWS

    def __init__(self, statement: Statement, names: list[str] | None) -> None:
        refuse_root(statement)
        self._statement = statement
        self._names = names

    def parameters(self, block: Block) -> dict[str, Any]:
        """What the relation is over."""
        return {"block": block.text, "record": block.record, "field": block.field}

    def column(self, path: Path) -> Value:
        """See `Source.column`."""
        key = only_name(path, self._statement)
        at = None if self._names is None else found_name(key, self._names)
        if at is not None:
            return _column(at + 1)
        position = _POSITION.fullmatch(key.name)
        if position is None:
            raise refusal(
                "MissingHeaders",
                f"Some headers in the query are missing from the file: {key.name}. Check the file and try again.",
            )
        if int(position[1]) == 0:
            raise refusal(
                "InvalidColumnIndex", f"The column index in the SQL expression is not valid: {key.name}."
            )
        return _column(int(position[1]))

    def every_text(self) -> str:
        """See `Source.every_text`."""
        return "r"

    def every_json(self) -> str:
        """See `Source.every_json`."""
        names = ", ".join(quoted(name) for name in self._names or ())
        name = f"coalesce(list_extract(CAST([{names}] AS VARCHAR[]), i), '_' || i)"
        member = f"CAST(to_json({name}) AS VARCHAR) || ':' || CAST(to_json(v) AS VARCHAR)"
        members = f"list_transform(r, lambda v, i: {member})"
        return f"'{{' || array_to_string({members}, ',') || '}}'"


def _column(position: int) -> Value:
    return Value(f"r[{position}]", "text", is_stored=True)
