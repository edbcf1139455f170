"""Columns of a Parquet file, with the types it has."""

import re
from collections.abc import Iterable

from sagesse.core.error import ServiceError
from sagesse.engines.select._json_source import within
from sagesse.engines.select._source import found_name, refuse_root, steps_of
from sagesse.engines.select._tree import Key, Path, Statement
from sagesse.engines.select._value import SQL_TYPES, Kind, Value, as_json_text, as_text, quoted
from sagesse.engines.select.error import refusal

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"), "int"
    ),
    **dict.fromkeys(("FLOAT", "DOUBLE"), "float"),
    **dict.fromkeys(("VARCHAR", "UUID", "TIME", "ENUM"), "text"),
    "BOOLEAN": "bool",
    **dict.fromkeys(("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "timestamp"),
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_WHOLE_DIGITS, _FRACTION_DIGITS = 26, 12


class ParquetSource:
    """Rows of a file.

    Args:
        statement: the SELECT.
        columns: names and DuckDB's types.
    """

    relation = "read_parquet($path)"

    def __init__(self, statement: Statement, columns: Iterable[tuple[str, str]]) -> None:
        refuse_root(statement)
        self._statement = statement
        self._columns = list(columns)

    def column(self, path: Path) -> Value:
        """See `Source.column`."""
        first, *rest = steps_of(path, self._statement) or (None,)
        at = found_name(first, [name for name, _ in self._columns]) if isinstance(first, Key) else None
        if at is None:
            raise _missing(path)
        value = _value(*self._columns[at])
        if not rest:
            return value
        if value.kind != "any":
            raise _missing(path)
        return Value(within(value.sql, rest), "any", is_stored=True)

    def every_text(self) -> str:
        """See `Source.every_text`."""
        texts = [f"coalesce({as_text(_value(*column))}, '')" for column in self._columns]
        return f"list_value({', '.join(texts)})"

    def every_json(self) -> str:
        """See `Source.every_json`."""
        members: list[str] = []
        for name, kind in self._columns:
            shown = f"coalesce({as_json_text(_value(name, kind))}, 'null')"
            members.append(f"CAST(to_json({quoted(name)}) AS VARCHAR) || ':' || {shown}")
        return f"'{{' || array_to_string(list_value({', '.join(members)}), ',') || '}}'"


def _value(name: str, kind: str) -> Value:
    column = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        return Value(f"timezone('UTC', {column})", "timestamp")
    if kind.startswith(("STRUCT", "MAP")) or kind.endswith("]"):
        return Value(f"to_json({column})", "any")
    if found := _DECIMAL.fullmatch(kind):
        precision, scale = int(found[1]), int(found[2])
        is_narrow = scale <= _FRACTION_DIGITS and precision - scale <= _WHOLE_DIGITS
        known: Kind | None = "decimal" if is_narrow else None
    else:
        known = _KINDS.get(kind.partition("(")[0])
    if known is None:
        raise refusal(
            "UnsupportedParquetType", f"The Parquet type of the column {name} is not supported: {kind}."
        )
    return Value(f"CAST({column} AS {SQL_TYPES[known]})", known)


def _missing(path: Path) -> ServiceError:
    shown = ".".join(step.name if isinstance(step, Key) else str(step.position) for step in path.steps)
    return refusal(
        "EvaluatorBindingDoesNotExist",
        f"A column name or a path provided does not exist in the file: {shown}.",
    )
