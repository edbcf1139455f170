import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.wire.post_policy import SizeRange, check_policy

NOW = 1_000_000_000.0
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def encoded(*conditions: Any, expiration: Any = "2100-01-01T00:00:00.000Z") -> str:
    document = {"expiration": expiration, "conditions": list(conditions)}
    return base64.b64encode(json.dumps(document).encode()).decode()


def check(policy: str, **fields: str) -> SizeRange:
    return check_policy(policy, {name.replace("_", "-"): value for name, value in fields.items()}, "b", NOW)


@given(JSON)
def test_any_document_is_read_or_refused(document: Any) -> None:
    with suppress(ServiceError):
        check(base64.b64encode(json.dumps(document).encode()).decode(), key="k")


@given(JSON)
def test_any_condition_is_read_or_refused(condition: Any) -> None:
    with suppress(ServiceError):
        check(encoded(condition), key="k")


def test_conditions_hold_of_fields_and_bucket() -> None:
    policy = encoded({"bucket": "b"}, ["starts-with", "$Key", "in/"], ["eq", "$acl", "private"])
    assert check(policy, key="in/x", acl="private", x_ignore_me="1") == SizeRange()


def test_the_length_is_bounded() -> None:
    assert check(encoded(["content-length-range", 1, "20"])) == SizeRange(1, 20)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (encoded(["eq", "$key", "x"]), "Policy Condition failed"),
        (encoded({"bucket": "other"}, ["starts-with", "$key", ""]), "Policy Condition failed"),
        (encoded(), "Extra input fields: key"),
        (encoded(expiration="2001-01-01T00:00:00Z"), "Policy expired"),
        (encoded(expiration=7), "Invalid 'expiration' value"),
        (encoded(["matches", "$key", "k"]), "Invalid Simple-Condition"),
        (encoded(["content-length-range", 0, "9" * 5000]), "Invalid Simple-Condition"),
        (encoded(["content-length-range", 0, "\u0663"]), "Invalid Simple-Condition"),
        ("!", "Invalid JSON"),
        (base64.b64encode(b"[" * 10_000).decode(), "Invalid JSON"),
    ],
)
def test_what_a_policy_does_not_allow_is_refused(policy: str, message: str) -> None:
    with pytest.raises(ServiceError, match=message):
        check(policy, key="k")
