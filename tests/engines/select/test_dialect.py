"""What expressions mean, one row at a time: known answers."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.engines.select.conftest import LINES, Select, run

ROW = b'{"i":7,"big":9007199254740993,"d":2.5,"t":"Text","n":null,"b":true,"l":[1,{"x":"y"}],"o":{"K":1,"k":2,"a b":3}}'
CSV = b"id,name,price,Name 2,empty\n7,apple,1.50,x,\n"

VALUES: dict[str, Any] = {
    # Arithmetic keeps whole numbers whole.
    "7 / 2": 3,
    "-7 / 2": -3,
    "7 % 3": 1,
    "-7 % 3": -1,
    "7.0 / 2": 3.5,
    "1 + 2 * 3": 7,
    "(1 + 2) * 3": 9,
    "- -1": 1,
    " + ".join(["s.i"] * 20): 140,
    "1 + (" * 30 + "s.i" + ")" * 30: 37,
    "0.1 + 0.2": 0.3,
    "1.50 * 2": 3,
    "s.i / 2": 3,
    "s.i + 1": 8,
    "s.d * 2": 5.0,
    "s.i / 2.0": 3.5,
    "s.big + 1": 9007199254740994,
    "-s.i": -7,
    "'a' || 'b'": "ab",
    "s.t || '!'": "Text!",
    "s.nope + 1": None,
    "NULL + 1": None,
    # Comparisons, also between types.
    "s.i = 7": True,
    "s.i = 7.0": True,
    "s.i <> 7": False,
    "s.big = 9007199254740993": True,
    "s.big = 9007199254740992": False,
    "s.big > 9007199254740992": True,
    "s.t = 'Text'": True,
    "s.t = 'text'": False,
    "s.t = 7": False,
    "s.t <> 7": True,
    "s.t < 7": None,
    "s.b = TRUE": True,
    "s.b IS TRUE": True,
    "s.n = 1": None,
    "s.i = s.i": True,
    "s.i < s.d": False,
    "s.l = s.l": True,
    "s.o = s.l": False,
    "NULL = NULL": None,
    "s.i BETWEEN 7 AND 8": True,
    "s.i NOT BETWEEN 7 AND 8": False,
    "s.i IN (1, 7)": True,
    "s.i NOT IN (1, 7)": False,
    "s.t IN ('Text', 'x')": True,
    "s.i IN ('7')": False,
    "s.t IN (1, 'Text')": True,
    "s.i = 7 AND s.t = 'no'": False,
    "s.i = 7 OR s.n = 1": True,
    "NOT s.b": False,
    "s.n IS NULL": True,
    "s.n IS MISSING": False,
    "s.n IS NOT MISSING": True,
    "s.nope IS MISSING": True,
    "s.nope IS NULL": True,
    "s.i IS NOT NULL": True,
    # LIKE
    "'$now $block $field'": "$now $block $field",
    "s.t LIKE 'T%'": True,
    "s.t LIKE 't%'": False,
    "s.t LIKE '%ex%'": True,
    "s.t LIKE 'T_xt'": True,
    "s.t LIKE '%T%e%x%t%'": True,
    "s.t LIKE '%T%x%e%t%'": False,
    "'50%' LIKE '%!%' ESCAPE '!'": True,
    "'50x' LIKE '%!%' ESCAPE '!'": False,
    "'a\\b' LIKE 'a\\b'": True,
    "s.i LIKE '7'": None,
    "s.t NOT LIKE 'x%'": True,
    # CASE and friends
    "CASE WHEN s.i = 7 THEN 'seven' ELSE 'other' END": "seven",
    "CASE s.i WHEN 1 THEN 'one' WHEN 7 THEN 'seven' END": "seven",
    "CASE s.i WHEN 1 THEN 'one' END": None,
    "CASE WHEN s.i = 7 THEN 1 ELSE 'text' END": 1,
    "CASE WHEN s.t = 'x' THEN CAST(s.t AS INT) ELSE 0 END": 0,
    "COALESCE(s.n, s.nope, 'x')": "x",
    "COALESCE(NULL, 1.5)": 1.5,
    "NULLIF(s.i, 7)": None,
    "NULLIF(s.i, 8)": 7,
    # CAST
    "CAST('12' AS INT)": 12,
    "CAST(' 12 ' AS INTEGER)": 12,
    "CAST(1.9 AS INT)": 1,
    "CAST(-1.9 AS INT)": -1,
    "CAST(s.d AS INT)": 2,
    "CAST(s.i AS STRING)": "7",
    "CAST(s.l AS STRING)": '[1,{"x":"y"}]',
    "CAST('1.5e2' AS FLOAT)": 150.0,
    "CAST('.5' AS DECIMAL(5, 2))": 0.5,
    "CAST('0.123456789' AS DECIMAL)": 0.123456789,
    "CAST('2.345' AS DECIMAL(5, 2))": 2.35,
    "CAST('true' AS BOOL)": True,
    "CAST(0 AS BOOLEAN)": False,
    "CAST(TRUE AS INT)": 1,
    "CAST(NULL AS INT)": None,
    "CAST('2007-04-05T14:30Z' AS TIMESTAMP)": "2007-04-05T14:30:00Z",
    # Texts
    "CHAR_LENGTH('é€')": 2,
    "CHARACTER_LENGTH(s.t)": 4,
    "LOWER(s.t)": "text",
    "UPPER(s.t)": "TEXT",
    "SUBSTRING('123456789', 0)": "123456789",
    "SUBSTRING('123456789', 2)": "23456789",
    "SUBSTRING('123456789', -4)": "123456789",
    "SUBSTRING('123456789', 0, 999)": "123456789",
    "SUBSTRING('123456789', 1, 5)": "12345",
    "SUBSTRING('123456789', -1, 4)": "12",
    "SUBSTRING('123456789' FROM 3 FOR 2)": "34",
    "TRIM('  foobar  ')": "foobar",
    "TRIM(LEADING FROM '  foobar  ')": "foobar  ",
    "TRIM(TRAILING '1' FROM '11foobar11')": "11foobar",
    "TRIM(BOTH '12' FROM '1112211foobar22211122')": "foobar",
    "LTRIM('  x ')": "x ",
    # Times
    "TO_TIMESTAMP('2007-04-05T14:30:15.5-08:00')": "2007-04-05T22:30:15.5Z",
    "`2010T`": "2010-01-01T00:00:00Z",
    "DATE_ADD(year, 5, `2010-01-01T`)": "2015-01-01T00:00:00Z",
    "DATE_ADD(month, 1, `2010-01-31T`)": "2010-02-28T00:00:00Z",
    "DATE_ADD(day, -1, `2017-01-10T`)": "2017-01-09T00:00:00Z",
    "DATE_DIFF(year, `2010-01-01T`, `2011-01-01T`)": 1,
    "DATE_DIFF(month, `2010T`, `2010-05T`)": 4,
    "DATE_DIFF(month, `2011T`, `2010T`)": -12,
    "DATE_DIFF(day, `2010-01-01T23:00Z`, `2010-01-02T01:00Z`)": 0,
    "EXTRACT(YEAR FROM `2010-01-01T`)": 2010,
    "EXTRACT(MINUTE FROM TO_TIMESTAMP('2007-04-05T14:30Z'))": 30,
    "EXTRACT(TIMEZONE_HOUR FROM `2010-01-01T`)": 0,
    "TO_STRING(`1969-07-20T20:18:05.25Z`, 'MMMM d, y')": "July 20, 1969",
    "TO_STRING(`1969-07-20T20:18:05.25Z`, 'M-dd-yy h:m a')": "7-20-69 8:18 PM",
    "TO_STRING(`1969-07-20T20:18:05.25Z`, 'y-MM-dd''T''H:m:ss.SSX')": "1969-07-20T20:18:05.25Z",
    "TO_STRING(`1969-07-20T20:18:05.25Z`, 'MMMMM 100%')": "J 100%",
    "UTCNOW() > `2020T`": True,
    "`2010T` < '2011-01-01T'": True,
    # Paths
    "s.l[0]": 1,
    "s.l[1].x": "y",
    "s.l[9]": None,
    "s.o.k": 2,
    "s.o.K": 1,
    "s.O.\"a b\"": 3,
    "s.o['a b']": 3,
    "i": 7,
    "I": 7,
    "s.\"I\"": None,
    "S.T": "Text",
}  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What the expressions yield, all in one selection."""
    items = ", ".join(f"{expression} AS v{at}" for at, expression in enumerate(VALUES))
    row = json.loads(run(f"SELECT {items} FROM S3Object s", ROW, LINES))
    return {expression: row.get(f"v{at}") for at, expression in enumerate(VALUES)}


@pytest.mark.parametrize("expression", VALUES)
def test_value_of(found: dict[str, Any], expression: str) -> None:
    value, known = found[expression], VALUES[expression]
    assert value == known
    assert isinstance(value, bool) == isinstance(known, bool)


@pytest.mark.parametrize(
    ("expression", "known"),
    [
        ("s.id", "7"),
        ("_1", "7"),
        ("s._2", "apple"),
        ("NAME", "apple"),
        ('"Name 2"', "x"),
        ("s.empty", ""),
        ("s.id > 5", True),
        ("s.id = 7", True),
        ("s.name > 5", None),
        ("s.id = '7'", True),
        ("s.price = 1.5", True),
        ("s.price * 2", 3.0),
        ("s.id / 2", 3),
        ("CAST(s.price AS DECIMAL(10, 2))", 1.5),
    ],
)
def test_columns_of_csv_are_texts(select: Select, expression: str, known: Any) -> None:
    assert json.loads(select(f"SELECT {expression} AS v FROM s3object AS s", CSV)) == {"v": known}


REFUSED = {
    "": "ParseExpectedKeyword",
    "DROP TABLE x": "UnsupportedSqlOperation",
    "SELECT FROM S3Object": "ParseEmptySelect",
    "SELECT 1": "ParseSelectMissingFrom",
    "SELECT * FROM other": "UnsupportedSqlStructure",
    "SELECT * FROM read_csv('/etc/passwd')": "UnsupportedSqlStructure",
    "SELECT read_text('/etc/passwd') FROM S3Object": "UnsupportedFunction",
    "SELECT (SELECT 1) FROM S3Object": "ParseUnexpectedTerm",
    "SELECT *, 1 FROM S3Object": "ParseAsteriskIsNotAloneInSelectList",
    "SELECT 1, * FROM S3Object": "ParseAsteriskIsNotAloneInSelectList",
    "SELECT x.* FROM S3Object s": "InvalidTableAlias",
    "SELECT DISTINCT i FROM S3Object": "ParseUnsupportedSelect",
    "SELECT i FROM S3Object ORDER BY i": "UnsupportedSqlStructure",
    "SELECT i FROM S3Object GROUP BY i": "UnsupportedSqlStructure",
    "SELECT i FROM S3Object LIMIT 1 OFFSET 2": "UnsupportedSqlStructure",
    "SELECT i FROM S3Object LIMIT x": "ParseExpectedNumber",
    "SELECT i FROM S3Object, S3Object t": "MultipleDataSourcesUnsupported",
    "SELECT i FROM S3Object JOIN S3Object": "MultipleDataSourcesUnsupported",
    "SELECT i FROM S3Object s; DROP TABLE x": "ParseUnexpectedToken",
    "SELECT i FROM S3Object.path": "InvalidKeyPath",
    "SELECT i FROM S3Object s AT x": "ParseUnsupportedSyntax",
    "SELECT COUNT(*), i FROM S3Object": "UnsupportedSqlStructure",
    "SELECT i FROM S3Object WHERE COUNT(*) > 1": "UnsupportedSqlStructure",
    "SELECT SUM(COUNT(*)) FROM S3Object": "UnsupportedSqlStructure",
    "SELECT SUM(*) FROM S3Object": "ParseUnsupportedCallWithStar",
    "SELECT COUNT(1, 2) FROM S3Object": "ParseNonUnaryAgregateFunctionCall",
    "SELECT CAST(i AS BLOB) FROM S3Object": "InvalidDataType",
    "SELECT CAST(i AS DECIMAL(50)) FROM S3Object": "ParseInvalidTypeParam",
    "SELECT CAST(TRUE AS TIMESTAMP) FROM S3Object": "InvalidCast",
    "SELECT CAST(s.t AS INT) FROM S3Object s": "CastFailed",
    "SELECT CAST('1.5' AS INT) FROM S3Object s": "CastFailed",
    "SELECT CAST('1_000' AS INT) FROM S3Object s": "CastFailed",
    "SELECT CAST('' AS INT) FROM S3Object s": "CastFailed",
    "SELECT CAST('x' AS BOOL) FROM S3Object s": "CastFailed",
    "SELECT CAST('9999999999999999999' AS INT) FROM S3Object s": "CastFailed",
    "SELECT CAST('x' AS TIMESTAMP) FROM S3Object s": "CastFailed",
    "SELECT 9223372036854775807 + 1 FROM S3Object": "IntegerOverflow",
    "SELECT s.i / 0 FROM S3Object s": "ExternalEvalException",
    "SELECT 1e999 FROM S3Object": "NumberFormatError",
    "SELECT LOWER(1) FROM S3Object": "IncorrectSqlFunctionArgumentType",
    "SELECT LOWER(s.i) FROM S3Object s": "IncorrectSqlFunctionArgumentType",
    "SELECT s.t + 1 FROM S3Object s": "IncorrectSqlFunctionArgumentType",
    "SELECT SUM(s.t) FROM S3Object s": "IncorrectSqlFunctionArgumentType",
    "SELECT LOWER() FROM S3Object": "EvaluatorInvalidArguments",
    "SELECT 'a' = `2010T` FROM S3Object WHERE 1": "IncorrectSqlFunctionArgumentType",
    "SELECT TRUE = 1 FROM S3Object": "UnsupportedTypeForQuerying",
    "SELECT TO_TIMESTAMP('x') FROM S3Object": "ValueParseFailure",
    "SELECT TO_STRING(UTCNOW(), 'Q') FROM S3Object": "EvaluatorInvalidTimestampFormatPatternSymbol",
    "SELECT TO_STRING(UTCNOW(), '''') FROM S3Object": "EvaluatorUnterminatedTimestampFormatPatternToken",
    "SELECT EXTRACT(WEEK FROM UTCNOW()) FROM S3Object": "ParseExpectedDatePart",
    "SELECT SUBSTRING('x', 1, -1) FROM S3Object": "IllegalSqlFunctionArgument",
    "SELECT 1 FROM S3Object WHERE 'x' LIKE 'x!' ESCAPE '!'": "EvaluatorLikePatternInvalidEscapeSequence",
    "SELECT 1 FROM S3Object s WHERE 'x' LIKE s.t": "LikeInvalidInputs",
    "SELECT 1 FROM S3Object s WHERE s.t LIKE '" + "x" * 1001 + "'": "UnsupportedSqlStructure",
    "SELECT CASE END FROM S3Object": "ParseUnexpectedTerm",
    "SELECT CASE 1 END FROM S3Object": "ParseExpectedWhenClause",
    "SELECT 1 FROM S3Object WHERE i IN ()": "ParseUnexpectedTerm",
    "SELECT 1 IS x FROM S3Object": "ParseExpectedKeyword",
    "SELECT a..b FROM S3Object": "ParseInvalidPathComponent",
    "SELECT a[b] FROM S3Object": "ParseInvalidPathComponent",
    "SELECT ? FROM S3Object": "LexerInvalidChar",
    "SELECT 'open FROM S3Object": "LexerInvalidChar",
    "SELECT " + "(" * 100 + "1" + ")" * 100 + " FROM S3Object": "UnsupportedSqlStructure",
    "SELECT " + "1+" * 1000 + "1 FROM S3Object": "UnsupportedSqlStructure",
    "SELECT '" + "x" * (257 << 10) + "' FROM S3Object": "ExpressionTooLong",
    "SELECT " + ",".join(["i"] * 1001) + " FROM S3Object": "OverMaxColumn",
}  # fmt: skip


@pytest.mark.parametrize("expression", REFUSED, ids=lambda expression: expression[:60])
def test_refusal_of(code: Callable[..., str], expression: str) -> None:
    assert code(expression, ROW, LINES) == REFUSED[expression]


@pytest.mark.parametrize(
    ("expression", "known"),
    [
        ("SELECT s.nope FROM S3Object s", "MissingHeaders"),
        ("SELECT _0 FROM S3Object", "InvalidColumnIndex"),
        ("SELECT s.name.x FROM S3Object s", "InvalidKeyPath"),
        ("SELECT * FROM S3Object[*].x", "InvalidKeyPath"),
        ("SELECT s.name * 2 FROM S3Object s", "CastFailed"),
    ],
)
def test_refusals_of_csv(code: Callable[..., str], expression: str, known: str) -> None:
    assert code(expression, CSV) == known


def test_a_name_that_fits_two_columns_is_ambiguous(code: Callable[..., str]) -> None:
    assert code("SELECT ID FROM S3Object", b"id,Id\n1,2\n") == "AmbiguousFieldName"


def test_a_cast_behind_and_is_only_tried_where_it_counts(select: Select) -> None:
    data = b"id\n1\n\nx\n30\n"
    expression = "SELECT * FROM S3Object s WHERE s.id <> 'x' AND CAST(s.id AS INT) > 5"
    assert select(expression, data) == '{"id":"30"}\n'
    negated = "SELECT * FROM S3Object s WHERE NOT (s.id = 'x' OR CAST(s.id AS INT) < 5)"
    assert select(negated, data) == '{"id":"30"}\n'


@pytest.mark.parametrize("pattern", ["%a%b", "%a_%b", "%" + "a" * 998 + "b"])
def test_no_pattern_takes_the_square_of_the_texts_length(select: Select, pattern: str) -> None:
    data = b"t\n" + b"a" * 300_000 + b"\n"
    start = time.process_time()
    expression = f"SELECT COUNT(*) AS n FROM S3Object s WHERE s.t LIKE '{pattern}'"
    assert select(expression, data) == '{"n":0}\n'
    assert time.process_time() - start < 20
