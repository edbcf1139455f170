"""Access key ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.policy import account_of, new_access_key_id


@given(st.integers(0, 10**12 - 1).map("{:012d}".format))
def test_an_id_tells_its_account(account: str) -> None:
    assert account_of(new_access_key_id("AKIA", account)) == account


def test_ids_differ() -> None:
    assert len({new_access_key_id("ASIA", "123456789012") for _ in range(100)}) == 100


@pytest.mark.parametrize("text", ["", "test", "AKIA", "AKIAIOSFODNN7EXAMPL!", "akia" + "A" * 16])
def test_what_is_no_id_has_no_account(text: str) -> None:
    assert account_of(text) is None
