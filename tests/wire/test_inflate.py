"""Gzip bodies inflate within bounds or are refused."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.wire.inflate import inflate


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", " identity , gzip"])
def test_gzip_is_inflated(encoding: str) -> None:
    assert inflate(gzip.compress(b"abc"), encoding, limit_bytes=3) == b"abc"


def test_an_unencoded_body_is_left() -> None:
    assert inflate(b"abc", "identity", limit_bytes=1) == b"abc"


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    with pytest.raises(ServiceError) as caught:
        inflate(gzip.compress(bytes(50_000_000)), "gzip", limit_bytes=1000)
    assert caught.value.status == 413


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "deflate"])
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(ServiceError) as caught:
        inflate(b"", encoding, limit_bytes=10)
    assert caught.value.status == 415


@given(st.binary(max_size=100), st.booleans())
def test_damaged_data_is_refused(data: bytes, is_cut: bool) -> None:
    damaged = gzip.compress(data)[:-3] if is_cut else gzip.compress(data) + b"x"
    with pytest.raises(ServiceError) as caught:
        inflate(damaged, "gzip", limit_bytes=1000)
    assert caught.value.status == 400
