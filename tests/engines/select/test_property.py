"""Random tables and conditions: what is selected is what plain Python selects."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from sagesse.engines.select import _block
from sagesse.engines.select.base import CsvInput, CsvOutput, JsonInput, ScanRange
from tests.engines.select.conftest import Bytes, run

Row = dict[str, Any]
Condition = tuple[str, Callable[[Row], bool]]
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
TEXTS = st.text(st.sampled_from("ab \"',\n|\\é%_#\r\u2028😀"), max_size=6)
NUMBERS = st.integers(-(2**62), 2**62) | st.integers(-5, 5)
ROWS = st.lists(st.fixed_dictionaries({"n": NUMBERS, "m": NUMBERS, "t": TEXTS, "u": TEXTS}), max_size=8)
SOME = settings(max_examples=10, deadline=None)


@st.composite
def conditions(draw: st.DrawFn, number: str) -> Condition:
    """SQL and the same in Python; `number` is how SQL reads a number of the column ``{}``."""
    match draw(st.integers(0, 5)):
        case 0:
            left, right = (draw(conditions(number)) for _ in range(2))
            return f"({left[0]} AND {right[0]})", lambda row: left[1](row) and right[1](row)
        case 1:
            left, right = (draw(conditions(number)) for _ in range(2))
            return f"({left[0]} OR {right[0]})", lambda row: left[1](row) or right[1](row)
        case 2:
            sql, test = draw(conditions(number))
            return f"NOT {sql}", lambda row: not test(row)
        case 3:
            column, value = draw(st.sampled_from("tu")), draw(TEXTS)
            operator = draw(st.sampled_from(list(OPERATORS)))
            quoted = value.replace("'", "''")
            return f"s.{column} {operator} '{quoted}'", lambda row: OPERATORS[operator](row[column], value)
        case 4:
            operator = draw(st.sampled_from(list(OPERATORS)))
            sql = f"{number.format('n')} {operator} {number.format('m')}"
            return sql, lambda row: OPERATORS[operator](row["n"], row["m"])
        case _:
            column, value = draw(st.sampled_from("nm")), draw(NUMBERS)
            operator = draw(st.sampled_from(list(OPERATORS)))
            return f"{number.format(column)} {operator} {value}", lambda row: OPERATORS[operator](
                row[column], value
            )


def csv_of(rows: list[Row], *, quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=quoting)
    writer.writerows([row["n"], row["m"], row["t"], row["u"]] for row in rows)
    return b"n,m,t,u\n" + text.getvalue().encode()


def lines(data: str) -> list[Any]:
    return [json.loads(line) for line in data.split("\n")[:-1]]


@SOME
@given(ROWS, conditions("CAST(s.{} AS INT)"), st.booleans(), st.integers(1, 100))
def test_csv(rows: list[Row], condition: Condition, is_all_quoted: bool, chunk_bytes: int) -> None:
    data = csv_of(rows, quoting=csv.QUOTE_ALL if is_all_quoted else csv.QUOTE_MINIMAL)
    form = CsvInput(header="USE", has_quoted_delimiters=True, comment="")
    expression = f"SELECT s.t, CAST(s.n AS INT) AS n FROM S3Object s WHERE {condition[0]}"
    with patch.object(_block, "_BLOCK_BYTES", chunk_bytes):
        found = lines(run(expression, Bytes(data, chunk_bytes=chunk_bytes), form))
    assert found == [{"t": row["t"], "n": row["n"]} for row in rows if condition[1](row)]


@SOME
@given(ROWS, conditions("s.{}"))
def test_json(rows: list[Row], condition: Condition) -> None:
    data = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    found = lines(run(f"SELECT * FROM S3Object s WHERE {condition[0]}", data, JsonInput(is_document=False)))
    assert found == [row for row in rows if condition[1](row)]


@SOME
@given(ROWS, st.sampled_from([",", "|", "ab"]), st.booleans())
def test_csv_output_reads_back(rows: list[Row], delimiter: str, is_all_quoted: bool) -> None:
    data = "\n".join(json.dumps(row) for row in rows).encode()
    output = CsvOutput(field_delimiter=delimiter, record_delimiter="\r\n", quotes_all=is_all_quoted)
    written = run("SELECT s.t, s.n, s.u FROM S3Object s", data, JsonInput(is_document=False), output)
    form = CsvInput(
        field_delimiter=delimiter, record_delimiter="\r\n", comment="", has_quoted_delimiters=True
    )
    found = lines(run("SELECT * FROM S3Object", written.encode(), form))
    assert found == [{"_1": row["t"], "_2": str(row["n"]), "_3": row["u"]} for row in rows]


@SOME
@given(ROWS, st.integers(1, 40))
def test_totals_do_not_depend_on_blocks(rows: list[Row], chunk_bytes: int) -> None:
    data = b"".join(json.dumps({**row, "f": 0.5}).encode() + b"\n" for row in rows)
    items = "COUNT(*) AS c, SUM(s.n % 1000) AS s, MIN(s.n) AS l, MAX(s.n) AS h, SUM(s.f) AS f"
    expression = f"SELECT {items} FROM S3Object s"
    source = Bytes(data, chunk_bytes=chunk_bytes)
    with patch.object(_block, "_BLOCK_BYTES", chunk_bytes):
        (found,) = lines(run(expression, source, JsonInput(is_document=False)))
    numbers = [row["n"] for row in rows]
    remainders = [abs(n) % 1000 * (1 if n >= 0 else -1) for n in numbers]
    assert len(rows) == found["c"]
    assert found.get("s") == (sum(remainders) if rows else None)
    assert (found.get("l"), found.get("h")) == (min(numbers, default=None), max(numbers, default=None))
    assert found.get("f") == (len(rows) * 0.5 if rows else None)


@SOME
@given(st.lists(st.text(st.sampled_from("abé€"), min_size=1, max_size=5), max_size=12), st.data())
def test_ranges_part_the_records(records: list[str], data: st.DataObject) -> None:
    delimiter = data.draw(st.sampled_from(["\n", "\r\n", "||"]))
    body = "".join(record + delimiter for record in records).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body) + 2), max_size=4)))
    chunk_bytes = data.draw(st.integers(1, 10))
    form = CsvInput(record_delimiter=delimiter)
    found = ""
    for start, end in zip([0, *cuts], [*cuts, None], strict=True):
        if end is not None and end - 1 < start:
            continue
        scan = ScanRange(start, None if end is None else end - 1)
        found += run(
            "SELECT * FROM S3Object", Bytes(body, chunk_bytes=chunk_bytes), form, CsvOutput(), scan=scan
        )
    assert found == "".join(record + "\n" for record in records)


@SOME
@given(ROWS)
def test_compression_changes_nothing(rows: list[Row]) -> None:
    data = csv_of(rows)
    form = CsvInput(header="USE", has_quoted_delimiters=True)
    plain = run("SELECT * FROM S3Object", data, form)
    half = len(data) // 2
    packed = gzip.compress(data[:half]) + gzip.compress(data[half:])
    assert run("SELECT * FROM S3Object", Bytes(packed, chunk_bytes=7), form, compression="GZIP") == plain
