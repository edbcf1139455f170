"""Whatever comes, a selection ends: with records or with a refusal of the client's fault."""

import json
import tempfile
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.engines.select.base import CsvInput, CsvOutput, JsonInput, JsonOutput, ParquetInput, ScanRange
from tests.engines.select.conftest import Bytes, run

SOME = settings(max_examples=15, deadline=None)
FORMS: Any = st.sampled_from(
    [
        CsvInput(),
        CsvInput(header="USE"),
        CsvInput(header="IGNORE", has_quoted_delimiters=True, escape="\\", record_delimiter="\r\n"),
        CsvInput(quote="", field_delimiter="\t"),
        JsonInput(is_document=False),
        JsonInput(is_document=True),
    ]
)
OUTPUTS: Any = st.sampled_from(
    [JsonOutput(), CsvOutput(), CsvOutput(quotes_all=True, quote="'", escape="\\")]
)
WORDS = (
    "SELECT * FROM S3Object s WHERE AND OR NOT NULL MISSING TRUE IS IN LIKE ESCAPE BETWEEN CASE WHEN THEN ELSE END "
    "LIMIT "
    "CAST AS INT FLOAT DECIMAL STRING TIMESTAMP BOOL COUNT SUM AVG MIN MAX COALESCE NULLIF LOWER SUBSTRING TRIM "
    "TO_STRING TO_TIMESTAMP DATE_ADD DATE_DIFF EXTRACT YEAR UTCNOW read_csv error s.a s._1 _2 s.b[0].c "
    "S3Object[*].a[*] ( ) ( ) , , + - * / % || = <> < >= 1 0 2.5 1e3 9223372036854775807 'x' '%a%' "
    "'12' `2010T` \"a\" [ ] . ; FOR"
).split()  # fmt: skip
EXPRESSIONS = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
BODIES = (
    st.binary(max_size=60)
    | st.text(st.sampled_from('a,"\n\r{}[]:1.\\\0é#'), max_size=60).map(str.encode)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abA"), inner, max_size=3)
        ),
    ).map(lambda value: json.dumps(value).encode())
)


def ends(expression: str, body: bytes, form: Any, output: Any, **asked: Any) -> None:
    status = 400
    try:
        run(expression, Bytes(body, chunk_bytes=16), form, output, **asked)
    except ServiceError as error:
        status = error.status
    assert status == 400


@SOME
@given(EXPRESSIONS | st.text(max_size=40), BODIES, FORMS, OUTPUTS)
def test_any_words(expression: str, body: bytes, form: Any, output: Any) -> None:
    ends(expression, body, form, output)


@SOME
@given(EXPRESSIONS, EXPRESSIONS, BODIES, FORMS, OUTPUTS)
def test_any_items_and_conditions(items: str, condition: str, body: bytes, form: Any, output: Any) -> None:
    ends(f"SELECT {items} FROM S3Object s WHERE {condition}", body, form, output)


@SOME
@given(BODIES, FORMS, OUTPUTS, st.sampled_from(["NONE", "GZIP", "BZIP2"]))
@example(b"[" * 100_000, JsonInput(is_document=True), JsonOutput(), "NONE")
@example(b"[" * 50_000 + b"]" * 50_000, JsonInput(is_document=False), CsvOutput(), "NONE")
@example(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, JsonInput(is_document=False), JsonOutput(), "NONE")
@example(b"\x1f\x8b\x08", CsvInput(), JsonOutput(), "GZIP")
@example(b"BZh9", CsvInput(), JsonOutput(), "BZIP2")
@example(b'"' * 10_001, CsvInput(has_quoted_delimiters=True), JsonOutput(), "NONE")
def test_any_body(body: bytes, form: Any, output: Any, compression: Any) -> None:
    for expression in (
        "SELECT * FROM S3Object",
        "SELECT s.a, s._1, COUNT(*) FROM S3Object s",
        "SELECT s.a.b, s.a[0], CAST(s.a AS STRING) FROM S3Object s WHERE s.a > 1 OR s.a = s.b",
        "SELECT MAX(_1), SUM(_2) FROM S3Object",
        "SELECT x FROM S3Object[*].a[*] x",
    ):
        ends(expression, body, form, output, compression=compression)


@settings(max_examples=10, deadline=None)
@given(st.binary(max_size=100), st.integers(0, 400))
def test_any_file_as_parquet(noise: bytes, at: int) -> None:
    damaged = PARQUET[:at] + noise + PARQUET[at + len(noise) :]
    for body in (noise, b"PAR1" + noise + b"PAR1", damaged):
        ends("SELECT * FROM S3Object s WHERE s.a > 1", body, ParquetInput(), JsonOutput())
        ends("SELECT s.a FROM S3Object s", body, ParquetInput(), JsonOutput(), scan=ScanRange(4, 1000))


def _parquet() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "file")
        rows = "SELECT range AS a, 'x' || range AS b FROM range(20)"
        duckdb.execute(f"COPY ({rows}) TO '{file}' (FORMAT parquet)")
        return file.read_bytes()


PARQUET = _parquet()
