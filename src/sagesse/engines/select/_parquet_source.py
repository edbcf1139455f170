"""Columns of a Parquet file, with the types it has."""

import re
from collections.abc import Iterable

from sagesse.core.error import ServiceError
from sagesse.engines.select._json_source import within
from sagesse.engines.select._source import found_name, refuse_root, steps_of
from sagesse.engines.select._tree import Key, Path, Statement
from sagesse.engines.select._value import SQL_TYPES, Kind, Value, as_json_text, as_text, quoted
from sagesse.engines.select.base import ScanRange
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


EVERY_ROW = "read_parquet($path)"
_ROW = "file_row_number"
# Row groups, their sizes, and where they begin: a dictionary stands before the pages it is for.
GROUPS = """SELECT coalesce(row_group_num_rows, 0), coalesce(row_group_compressed_bytes, 0), coalesce(min(
    CASE WHEN dictionary_page_offset > 0 THEN dictionary_page_offset ELSE data_page_offset END), 0)
    FROM parquet_metadata($path) GROUP BY row_group_id, row_group_num_rows, row_group_compressed_bytes
    ORDER BY row_group_id"""


class ParquetSource:
    """Rows of a file.

    Args:
        statement: the SELECT.
        columns: names and DuckDB's types.
        relation: the rows.
    """

    def __init__(
        self, statement: Statement, columns: Iterable[tuple[str, str]], relation: str = EVERY_ROW
    ) -> None:
        refuse_root(statement)
        self.relation = relation
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


def rows_in_range(
    groups: Iterable[tuple[int, int, int]], columns: Iterable[tuple[str, str]], scan: ScanRange
) -> tuple[str, int]:
    """The relation of the row groups that begin in a range, and how many bytes they have.

    Args:
        groups: what `GROUPS` finds.
        columns: names and types.
        scan: the range.

    Raises:
        ServiceError: a column has the name that the numbers of rows have.
    """
    if any(name.lower() == _ROW for name, _ in columns):
        raise refusal(
            "UnsupportedScanRangeInput", f"Scan ranges of a file with a column {_ROW} are not supported."
        )
    row, size, runs = 0, 0, [(0, 0)]  # the runs of rows from one to before another
    for rows, size_bytes, begin in groups:
        if scan.start <= begin and (scan.end is None or begin <= scan.end):
            first = runs.pop()[0] if runs[-1][1] == row else row
            runs.append((first, row + rows))
            size += size_bytes
        row += rows
    chosen = " OR ".join(f"({_ROW} >= {first} AND {_ROW} < {end})" for first, end in runs)
    return f"(SELECT * FROM read_parquet($path, {_ROW} = true) WHERE {chosen})", size


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
