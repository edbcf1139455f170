"""Writes records: SQL for the text of one, so that no record passes through Python value by value."""

from collections.abc import Sequence
from typing import NamedTuple

from sagesse.engines.select._source import Source
from sagesse.engines.select._value import Value, as_json_text, as_text, quoted
from sagesse.engines.select.base import CsvOutput, Output


class Column(NamedTuple):
    """A member of the result."""

    name: str
    value: Value


class Row(NamedTuple):
    """SQL for the columns of an inner SELECT, and for the text of a record over them, delimiter and all."""

    columns: str
    text: str


def every_row(source: Source, output: Output) -> Row:
    """All that a row has."""
    if isinstance(output, CsvOutput):
        fields = f"list_transform(c, lambda v: {_field('v', output)})"
        return Row(
            f"{source.every_text()} AS c", f"{_joined(fields, output.field_delimiter)} || {_end(output)}"
        )
    return Row(f"{source.every_json()} AS c", f"c || {_end(output)}")


def row(columns: Sequence[Column], output: Output) -> Row:
    """The members of a SELECT list."""
    if isinstance(output, CsvOutput):
        inner = [f"coalesce({as_text(column.value)}, '') AS c{at}" for at, column in enumerate(columns)]
        fields = f"list_value({', '.join(_field(f'c{at}', output) for at in range(len(columns)))})"
        return Row(", ".join(inner), f"{_joined(fields, output.field_delimiter)} || {_end(output)}")
    inner = [f"{_json(column.value)} AS c{at}" for at, column in enumerate(columns)]
    members = [f"{_name(column.name)} || c{at}" for at, column in enumerate(columns)]
    text = f"'{{' || coalesce(array_to_string(list_value({', '.join(members)}), ','), '') || '}}' || {_end(output)}"
    return Row(", ".join(inner), text)


def _json(value: Value) -> str:
    """Only what is missing in the record is left out; the rest is null."""
    text = as_json_text(value)
    return text if value.is_stored else f"coalesce({text}, 'null')"


def _name(name: str) -> str:
    return f"(CAST(to_json({quoted(name)}) AS VARCHAR) || ':')"


def _field(text: str, output: CsvOutput) -> str:
    quote = output.quote
    if not quote:
        return text
    escaped = f"{quoted(quote)} || replace({text}, {quoted(quote)}, {quoted(output.escape + quote)}) || {quoted(quote)}"
    if output.quotes_all:
        return escaped
    special = dict.fromkeys((output.field_delimiter, output.record_delimiter, quote, "\n", "\r"))
    tests = " OR ".join(f"contains({text}, {quoted(part)})" for part in special if part)
    return f"CASE WHEN {tests} THEN {escaped} ELSE {text} END"


def _joined(fields: str, delimiter: str) -> str:
    return f"array_to_string({fields}, {quoted(delimiter)})"


def _end(output: Output) -> str:
    return quoted(output.record_delimiter)
