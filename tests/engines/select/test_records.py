"""How objects are read: delimited text, JSON, compression, limits."""

import bz2
import gzip
from collections.abc import Callable

import pytest

from sagesse.engines.select.base import CsvInput, CsvOutput, JsonInput, ScanRange
from tests.engines.select.conftest import DOCUMENT, LINES, USE, Bytes, Select

ALL = "SELECT * FROM S3Object"
CSV = CsvOutput()


@pytest.mark.parametrize(
    ("data", "form", "known"),
    [
        (b"a,b\n1,2\n", CsvInput(), "a,b\n1,2\n"),
        (b"a,b\n1,2", CsvInput(header="IGNORE"), "1,2\n"),
        (b"a,b\n1,2\n", USE, "1,2\n"),
        (b"\xef\xbb\xbfa,b\n1,2\n", USE, "1,2\n"),
        (b"a\r\nb\r\n", CsvInput(), "a\nb\n"),
        (b'"a"\r\n"b"\r\n', CsvInput(), "a\nb\n"),
        (b"a\n\n\nb\n", CsvInput(), "a\nb\n"),
        (b"#x\na\n#y\n", CsvInput(), "a\n"),
        (b"%x\n#a\n", CsvInput(comment="%"), "#a\n"),
        (b"#a\n", CsvInput(comment=""), "#a\n"),
        (b"a|b;c|d;", CsvInput(field_delimiter="|", record_delimiter=";"), "a,b\nc,d\n"),
        (b'"a,b",c\n', CsvInput(), '"a,b",c\n'),
        (b'"a""b",""\n', CsvInput(), '"a""b",\n'),
        (b'"a\\"b",c\n', CsvInput(escape="\\"), '"a""b",c\n'),
        (b"'a,b',c\n", CsvInput(quote="'", escape="'"), '"a,b",c\n'),
        (b'"a,b"\n', CsvInput(quote=""), '"""a","b"""\n'),
        (b'a"b,c\n', CsvInput(), '"a""b",c\n'),
        (b'"a\nb",c\nd,e\n', CsvInput(has_quoted_delimiters=True), '"a\nb",c\nd,e\n'),
        (b"a,\x1e\x1f,b\n", CsvInput(), "a,\x1e\x1f,b\n"),
        (b'"a",\x1e\x1f,b\n', CsvInput(), "a,\x1e\x1f,b\n"),
        (b"a\n1,2,3\n4\n", USE, "1,2,3\n4\n"),
        (b"", USE, ""),
        (b"\n\n", CsvInput(), ""),
    ],
)
def test_delimited_text(select: Select, data: bytes, form: CsvInput, known: str) -> None:
    assert select(ALL, data, form, CSV) == known


@pytest.mark.parametrize(
    ("output", "known"),
    [
        (CsvOutput(), '1,"a,b","say ""hi""",\n'),
        (CsvOutput(quotes_all=True), '"1","a,b","say ""hi""",""\n'),
        (CsvOutput(escape="\\"), '1,"a,b","say \\"hi\\"",\n'),
        (CsvOutput(quote="'", escape="'"), "1,'a,b',say \"hi\",\n"),
        (CsvOutput(field_delimiter="|", record_delimiter="$"), '1|a,b|"say ""hi"""|$'),
    ],
)
def test_delimited_output(select: Select, output: CsvOutput, known: str) -> None:
    assert select(ALL, b'{"a":1,"b":"a,b","c":"say \\"hi\\"","d":null}', LINES, output) == known


def test_names_of_what_a_header_has_no_name_for(select: Select) -> None:
    assert select(ALL, b"a\n1,2\n") == '{"a":"1","_2":"2"}\n'


@pytest.mark.parametrize(
    ("data", "form", "known"),
    [
        (b'{"a" : 1}\n\n {"b":[1, 2]} \r\n', LINES, '{"a":1}\n{"b":[1,2]}\n'),
        (b'{"a":\n1}{"a":2} [3]', DOCUMENT, '{"a":1}\n{"a":2}\n{"_1":[3]}\n'),
        (b'{"a":"}{"}', DOCUMENT, '{"a":"}{"}\n'),
        (b"1 true null", DOCUMENT, '{"_1":1}\n{"_1":true}\n{"_1":null}\n'),
        (b"", DOCUMENT, ""),
    ],
)
def test_json(select: Select, data: bytes, form: JsonInput, known: str) -> None:
    assert select(ALL, data, form) == known


def test_a_path_behind_from_leads_to_the_rows(select: Select) -> None:
    data = b'{"Rules":[{"id":"1"},{"expr":"x"},{"id":"2"}]}{"Rules":[]}{"other":1}'
    assert select("SELECT id FROM S3Object[*].Rules[*].id", data, DOCUMENT) == '{"id":"1"}\n{}\n{"id":"2"}\n'
    found = select("SELECT id FROM S3Object[*].Rules[*].id WHERE id IS NOT MISSING", data, DOCUMENT)
    assert found == '{"id":"1"}\n{"id":"2"}\n'
    assert select("SELECT r.expr FROM S3Object[*].rules[1] r LIMIT 1", data, DOCUMENT) == '{"expr":"x"}\n'


@pytest.mark.parametrize("compression", ["GZIP", "BZIP2"])
def test_a_damaged_archive_is_refused(code: Callable[..., str], compression: str) -> None:
    packed = {"GZIP": gzip.compress, "BZIP2": bz2.compress}[compression](b"a,b\n" * 1000)
    assert code(ALL, packed[:-10], compression=compression) == "TruncatedInput"
    assert code(ALL, b"a,b\n", compression=compression) == "InvalidCompressionFormat"


@pytest.mark.parametrize(
    ("data", "form", "known"),
    [
        (b"\xff\xfe\n", CsvInput(), "InvalidTextEncoding"),
        (b'"a"b,c\n', CsvInput(), "CSVUnescapedQuote"),
        (b'"a\nb",c\n', CsvInput(), "CSVUnescapedQuote"),
        (b'{"a":1\n', LINES, "JSONParsingError"),
        (b'{"a":1', DOCUMENT, "JSONParsingError"),
        (b"x" * (3 << 20), CsvInput(), "OverMaxRecordSize"),
        (b'"' + (b"x" * 1000 + b"\n") * 3000, CsvInput(has_quoted_delimiters=True), "OverMaxRecordSize"),
    ],
)
def test_what_cannot_be_read_is_refused(
    code: Callable[..., str], data: bytes, form: object, known: str
) -> None:
    assert code(ALL, data, form) == known


def test_a_limit_ends_reading(select: Select) -> None:
    source = Bytes(b"1,2\n" * (2 << 20), chunk_bytes=1 << 16)
    assert select("SELECT _1 FROM S3Object LIMIT 2", source, CsvInput(), CSV) == "1\n1\n"
    assert source.read_bytes < 2 << 20


def test_a_limit_counts_over_blocks(select: Select) -> None:
    source = Bytes((b"1" * 1000 + b",2\n") * 3000)
    assert len(select("SELECT _2 FROM S3Object LIMIT 2000", source, CsvInput(), CSV)) == 4000


def test_a_range_finds_the_header(select: Select) -> None:
    data = b"id,name\n1,a\n2,b\n3,c\n"
    assert select("SELECT name FROM S3Object", data, scan=ScanRange(12, 15)) == '{"name":"b"}\n'
    assert select("SELECT name FROM S3Object", data, scan=ScanRange(0, 8)) == '{"name":"a"}\n'
    assert select("SELECT name FROM S3Object", data, scan=ScanRange(1000, None)) == ""


def test_a_header_behind_many_blank_lines_is_found_in_time(select: Select) -> None:
    form = CsvInput(header="USE", has_quoted_delimiters=True)
    assert select(ALL, b"\n" * 300_000 + b'"a\nb"\n1\n', form) == '{"a\\nb":"1"}\n'
