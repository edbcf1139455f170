"""The patterns of TO_STRING, as Ion has them (``MMMM d, y h:mm a``), of moments in UTC."""

import re
from collections.abc import Iterator

from sagesse.engines.select._value import quoted
from sagesse.engines.select.error import refusal

_PIECE = re.compile(r"'(?P<text>(?:[^']|'')*)'|(?P<symbol>([A-Za-z])\3*)|(?P<other>[^A-Za-z']+)")
_FORMATS = {
    "y": "%Y",
    "yy": "%y",
    "yyyy": "%Y",
    "M": "%-m",
    "MM": "%m",
    "MMM": "%b",
    "MMMM": "%B",
    "d": "%-d",
    "dd": "%d",
    "a": "%p",
    "h": "%-I",
    "hh": "%I",
    "H": "%-H",
    "HH": "%H",
    "m": "%-M",
    "mm": "%M",
    "s": "%-S",
    "ss": "%S",
    "X": "Z",
    "XX": "Z",
    "XXX": "Z",
    "XXXX": "Z",
    "XXXXX": "Z",
    "x": "+00",
    "xx": "+0000",
    "xxx": "+00:00",
    "xxxx": "+0000",
    "xxxxx": "+00:00",
}


def formatted(moment: str, pattern: str) -> str:
    """SQL for a moment, written so.

    Raises:
        ServiceError: EvaluatorInvalidTimestampFormatPattern...
    """
    pieces = list(_pieces(moment, pattern))
    return f"({' || '.join(pieces)})" if pieces else f"CASE WHEN {moment} IS NOT NULL THEN '' END"


def _pieces(moment: str, pattern: str) -> Iterator[str]:
    format_so_far = ""
    for found in _matches(pattern):
        symbol = found["symbol"]
        special = _special(moment, symbol) if symbol else None
        if special is None:
            format_so_far += _FORMATS[symbol] if symbol else _plain(found)
            continue
        if format_so_far:
            yield f"strftime({moment}, {quoted(format_so_far)})"
        format_so_far = ""
        yield special
    if format_so_far:
        yield f"strftime({moment}, {quoted(format_so_far)})"


def _matches(pattern: str) -> Iterator[re.Match[str]]:
    position = 0
    while position < len(pattern):
        found = _PIECE.match(pattern, position)
        if found is None:
            raise refusal(
                "EvaluatorUnterminatedTimestampFormatPatternToken",
                f"The timestamp format pattern has an unterminated quote: {pattern!r}.",
            )
        position = found.end()
        yield found


def _plain(found: re.Match[str]) -> str:
    text = found["other"] if found["text"] is None else found["text"].replace("''", "'")
    return text.replace("%", "%%")


def _special(moment: str, symbol: str) -> str | None:
    """SQL for what `strftime` has no format for.

    Raises:
        ServiceError: nothing has.
    """
    if symbol in _FORMATS:
        return None
    if set(symbol) == {"S"} and len(symbol) < 10:
        return f"substring(strftime({moment}, '%f000'), 1, {len(symbol)})"
    if symbol == "n":
        return f"CAST(CAST(strftime({moment}, '%f') AS BIGINT) * 1000 AS VARCHAR)"
    if symbol == "MMMMM":
        return f"substring(strftime({moment}, '%B'), 1, 1)"
    raise refusal(
        "EvaluatorInvalidTimestampFormatPatternSymbol",
        f"The timestamp format pattern contains an invalid symbol: {symbol!r}.",
    )
