"""Scalars as text, both ways."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.wire.codec import scalar
from sagesse.wire.codec.malformed import Malformed

MILLIS = st.integers(0, 4_000_000_000_000).map(lambda millis: millis / 1000)


@given(seconds=MILLIS)
def test_iso_timestamps_read_back(seconds: float) -> None:
    assert scalar.read_timestamp(scalar.write_iso(seconds), "t") == seconds
    assert scalar.read_timestamp(scalar.write_iso_millis(seconds), "t") == seconds


@given(seconds=st.integers(0, 4_000_000_000))
def test_http_dates_read_back(seconds: int) -> None:
    assert scalar.read_timestamp(scalar.write_http_date(seconds), "t") == seconds


@given(seconds=MILLIS)
def test_epoch_seconds_read_back(seconds: float) -> None:
    assert scalar.read_timestamp(scalar.write_epoch(seconds), "t") == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-21T05:39:50Z", 1795239590),
        ("2026-11-21T05:39:50.5+01:00", 1795235990.5),
        ("2026-11-21", 1795219200),
        ("Sat, 21 Nov 2026 05:39:50 GMT", 1795239590),
        ("1795239590", 1795239590),
        ("1.5e3", 1500),
    ],
)
def test_timestamps_are_read_in_every_form(text: str, seconds: float) -> None:
    assert scalar.read_timestamp(text, "t") == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01T00:00:00Z", "9" * 30, "nan", "0000-01-01", "2026-11-21T25:00Z"]
)
def test_other_texts_are_no_timestamps(text: str) -> None:
    with pytest.raises(Malformed, match="at Created"):
        scalar.read_timestamp(text, "Created")


@given(text=st.text(max_size=40))
def test_any_text_is_read_or_malformed(text: str) -> None:
    for read in map(scalar.text_reader, ("integer", "double", "boolean", "blob", "timestamp")):
        try:
            read(text, "x")
        except Malformed:
            continue


@pytest.mark.parametrize(("text", "value"), [("-5", -5), ("9223372036854775807", (1 << 63) - 1)])
def test_integers_have_64_bits(text: str, value: int) -> None:
    assert scalar.read_integer(text, "n") == value
    with pytest.raises(Malformed):
        scalar.read_integer("9223372036854775808", "n")


@pytest.mark.parametrize("value", [math.inf, -math.inf, 0.1, -2.5e300])
def test_floats_read_back(value: float) -> None:
    assert scalar.read_float(scalar.write_float(value), "x") == value


def test_nan_reads_back() -> None:
    assert math.isnan(scalar.read_float(scalar.write_float(math.nan), "x"))


@given(value=st.binary(max_size=40))
def test_blobs_read_back(value: bytes) -> None:
    assert scalar.read_blob(scalar.write_blob(value), "b") == value
    assert scalar.read_blob(scalar.write_blob(value).rstrip("="), "b") == value
