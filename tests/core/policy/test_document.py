"""The grammar and its refusals."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.policy import MalformedPolicy, compile_policy
from sagesse.core.policy.document import Use
from tests.core.policy.build import allow, document, statement

ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
TRUST: dict[str, Any] = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"Service": "sagemaker.amazonaws.com"},
}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Syntax errors in policy."),
        ("{", "Syntax errors in policy."),
        ("[]", "Syntax errors in policy."),
        ("\ud800", "Syntax errors in policy."),
        (json.dumps({"Version": "2012-10-17"}), "Missing required field Statement"),
        (json.dumps({"Version": "2012-10-17", "Statement": []}), "Syntax errors in policy."),
        (json.dumps({"Version": "2020-01-01", "Statement": ALLOW}), "Syntax errors in policy."),
        (json.dumps({"Version": "2012-10-17", "Statement": ALLOW, "Foo": 1}), "Syntax errors in policy."),
        (document(ALLOW, version=None), "Policy document must be version 2012-10-17 or greater."),
        (document({**ALLOW, "Foo": 1}), "Syntax errors in policy."),
        (document({**ALLOW, "Effect": "allow"}), "Invalid effect: allow"),
        (document({"Action": "s3:*", "Resource": "*"}), "Missing required field Effect"),
        (document({"Effect": "Allow", "Resource": "*"}), "Policy statement must contain actions."),
        (document({"Effect": "Allow", "Action": "s3:*"}), "Policy statement must contain resources."),
        (document({**ALLOW, "Action": []}), "Policy statement must contain actions."),
        (document({**ALLOW, "Action": 1}), "Syntax errors in policy."),
        (document({**ALLOW, "NotAction": "s3:*"}), "Syntax errors in policy."),
        (
            document({**ALLOW, "Action": "GetObject"}),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (document({**ALLOW, "Action": "s3:a:b"}), "Actions/Condition can contain only one colon."),
        (document({**ALLOW, "Action": "s*:Get"}), "Vendor s* is not valid"),
        (document({**ALLOW, "Resource": "bucket"}), 'Resource bucket must be in ARN format or "*".'),
        (document({**ALLOW, "Principal": "*"}), "Policy document should not specify a principal."),
        (
            document({**ALLOW, "Sid": "a"}, {**ALLOW, "Sid": "a"}),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (document({**ALLOW, "Condition": {"StringIs": {"a:b": "c"}}}), "Invalid Condition type : StringIs."),
        (document({**ALLOW, "Condition": {"Any:Bool": {"a:b": "c"}}}), "Invalid Condition type : Any:Bool."),
        (document({**ALLOW, "Condition": {"IpAddress": {"a:b": "c"}}}), "The policy failed legacy parsing"),
        (
            document({**ALLOW, "Condition": {"NumericEquals": {"a:b": "nan"}}}),
            "The policy failed legacy parsing",
        ),
        (document({**ALLOW, "Condition": "x"}), "Syntax errors in policy."),
        (document({**ALLOW, "Condition": {"Bool": {"a:b": {}}}}), "Syntax errors in policy."),
    ],
)
def test_a_bad_document_is_refused_in_iams_words(text: str, message: str) -> None:
    with pytest.raises(MalformedPolicy) as refusal:
        compile_policy(text)
    assert refusal.value.message == message
    assert refusal.value.code == "MalformedPolicyDocumentException"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"Resource": "*"}, "Has prohibited field Resource"),
        ({"Action": "s3:GetObject"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Principal": {"Service": "somewhere"}}, 'Invalid principal in policy: "SERVICE":"somewhere"'),
        ({"Principal": {"AWS": "someone"}}, 'Invalid principal in policy: "AWS":"someone"'),
        ({"Principal": "someone"}, "Syntax errors in policy."),
    ],
)
def test_a_bad_trust_policy_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedPolicy) as refusal:
        compile_policy(document({**TRUST, **changed}), "trust")
    assert refusal.value.message == message


def test_a_trust_policy_needs_a_principal() -> None:
    with pytest.raises(MalformedPolicy, match="Missing required field Principal"):
        compile_policy(document(statement(Action="sts:AssumeRole")), "trust")


@pytest.mark.parametrize("version", [None, "2008-10-17", "2012-10-17"])
def test_a_trust_policy_may_be_of_either_version(version: str | None) -> None:
    assert compile_policy(document(TRUST, version=version), "trust").statements


def test_a_single_statement_needs_no_list() -> None:
    text = json.dumps({"Version": "2012-10-17", "Id": "x", "Statement": ALLOW})
    assert len(compile_policy(text).statements) == 1


def test_a_document_is_compiled_once() -> None:
    assert compile_policy(allow("s3:Once")) is compile_policy(allow("s3:Once"))


_names = st.sampled_from(
    [
        "Version",
        "Statement",
        "Effect",
        "Action",
        "NotAction",
        "Resource",
        "Principal",
        "Condition",
        "Bool",
        "Sid",
    ]
)
_leaves = st.sampled_from(
    ["Allow", "Deny", "2012-10-17", "*", "s3:*", "arn:aws:s3:::x", "", "true", 1, None, True, 1.5]
) | st.text(max_size=4)
_values = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_names | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "Version": st.just("2012-10-17") | _values,
            "Statement": st.fixed_dictionaries(
                {},
                optional={
                    "Effect": st.just("Allow") | _values,
                    "Action": st.just("s3:*") | _values,
                    "Resource": st.just("*") | _values,
                    "Principal": _values,
                    "Condition": st.dictionaries(
                        st.sampled_from(
                            ["Bool", "IpAddress", "DateEquals", "Null", "BinaryEquals", "ArnLike"]
                        ),
                        _values,
                        max_size=2,
                    ),
                },
            )
            | _values,
        },
    ),
    st.sampled_from(["identity", "trust", "resource"]),
)
def test_any_json_compiles_or_is_refused_clearly(value: Any, use: Use) -> None:
    with suppress(MalformedPolicy):
        compile_policy(json.dumps(value), use)


@given(st.text(max_size=40), st.sampled_from(["identity", "trust", "resource"]))
def test_any_text_compiles_or_is_refused_clearly(text: str, use: Use) -> None:
    with pytest.raises(MalformedPolicy):
        compile_policy(text, use)
