"""Scalars as text: what labels, headers, query parameters, forms and XML carry."""

import base64
import binascii
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from time import gmtime
from typing import Any

from sagesse.wire.codec.malformed import Malformed

INTEGER_LIMIT = 1 << 63
_EARLIEST, _LATEST = -62_135_596_800.0, 253_402_300_799.999  # years 1 to 9999, what a datetime can hold
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?)?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII
)
_NUMBER = re.compile(r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,4})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def read_string(text: str, name: str) -> str:
    """`text` as it is."""
    return text


def read_integer(text: str, name: str) -> int:
    """A 64-bit integer."""
    text = text.strip()
    if _INTEGER.fullmatch(text) and -INTEGER_LIMIT <= (value := int(text)) < INTEGER_LIMIT:
        return value
    raise Malformed(f"'{text[:100]}' at {name} can not be converted to an Integer")


def read_float(text: str, name: str) -> float:
    """A number, or one of NaN, Infinity, -Infinity."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if text in _WORDS:
        return _WORDS[text]
    raise Malformed(f"'{text[:100]}' at {name} can not be converted to a Double")


def read_boolean(text: str, name: str) -> bool:
    """``true`` or ``false``, in any case."""
    match text.strip().lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise Malformed(f"'{text[:100]}' at {name} can not be converted to a Boolean")


def read_blob(text: str, name: str) -> bytes:
    """Base64, standard alphabet, padding optional; white space is ignored."""
    packed = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(f"The blob at {name} is not valid base64") from None


def read_timestamp(text: str, name: str) -> float:
    """Epoch seconds from ISO 8601, an HTTP date or epoch seconds."""
    text = text.strip()
    if match := _ISO.fullmatch(text):
        return _read_iso(match, name)
    if _NUMBER.fullmatch(text):
        return epoch(float(text), name)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise Malformed(f"'{text[:100]}' at {name} can not be converted to a Timestamp") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def epoch(seconds: float, name: str) -> float:
    """`seconds` if a date can hold them."""
    if _EARLIEST <= seconds <= _LATEST:
        return float(seconds)
    raise Malformed(f"{seconds} at {name} is out of range for a Timestamp")


def _read_iso(match: re.Match[str], name: str) -> float:
    day, time, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time or '00:00'}{(zone or 'Z').upper()}")
        return epoch(round(moment.timestamp() + float(f"0.{fraction or 0}"), 6), name)
    except (ValueError, OverflowError):
        raise Malformed(f"'{match[0]}' at {name} can not be converted to a Timestamp") from None


def write_iso(seconds: float) -> str:
    """ISO 8601 in UTC, with milliseconds when there are any."""
    millis = round(seconds * 1000)
    if millis % 1000:
        return write_iso_millis(seconds)
    return datetime.fromtimestamp(millis // 1000, UTC).isoformat()[:19] + "Z"


def write_iso_millis(seconds: float) -> str:
    """ISO 8601 in UTC, always with milliseconds."""
    minute, millis = divmod(round(seconds * 1000), 60_000)
    return f"{_minute(minute)}{millis // 1000:02d}.{millis % 1000:03d}Z"


@lru_cache(1024)
def _minute(minute: int) -> str:
    """A date up to its seconds: most of its cost, and listings hold many of the same minute."""
    return datetime.fromtimestamp(60 * minute, UTC).isoformat()[:17]


def write_http_date(seconds: float) -> str:
    """``Sat, 21 Nov 2026 05:39:50 GMT``."""
    year, month, day, hour, minute, second, weekday, *_ = gmtime(math.floor(seconds))
    return f"{_DAYS[weekday]}, {day:02d} {_MONTHS[month - 1]} {year:04d} {hour:02d}:{minute:02d}:{second:02d} GMT"


def write_epoch(seconds: float) -> str:
    """Epoch seconds, without a fraction when there is none."""
    return str(int(seconds)) if seconds == int(seconds) else repr(float(seconds))


def write_float(value: float) -> str:
    """A number as text; NaN and the infinities as AWS spells them."""
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def write_boolean(value: bool) -> str:
    """``true`` or ``false``."""
    return "true" if value else "false"


def write_blob(value: bytes) -> str:
    """Base64."""
    return base64.b64encode(value).decode("ascii")


def text_reader(kind: str) -> Callable[[str, str], Any]:
    """The reader of a scalar type from text."""
    return _READERS[kind]


def timestamp_writer(timestamp_format: str) -> Callable[[float], str]:
    """The writer of a `timestampFormat`."""
    return _TIMESTAMPS[timestamp_format.lower()]


def text_writer(kind: str) -> Callable[[Any], str]:
    """The writer of a scalar type, timestamps excepted, as text."""
    return _WRITERS.get(kind, str)


_READERS: dict[str, Callable[[str, str], Any]] = {
    "string": read_string,
    "character": read_string,
    "integer": read_integer,
    "long": read_integer,
    "float": read_float,
    "double": read_float,
    "boolean": read_boolean,
    "blob": read_blob,
    "timestamp": read_timestamp,
}
_WRITERS: dict[str, Callable[[Any], str]] = {
    "float": write_float,
    "double": write_float,
    "boolean": write_boolean,
    "blob": write_blob,
}
_TIMESTAMPS: dict[str, Callable[[float], str]] = {
    "iso8601": write_iso,
    "rfc822": write_http_date,
    "unixtimestamp": write_epoch,
}
