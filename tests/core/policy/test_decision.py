"""The evaluation logic."""

import timeit

import pytest

from sagesse.core.policy import Facts, Permissions, Verdict, compile_policy, decide_for
from sagesse.core.principal import Principal
from tests.core.policy.build import allow, deny, document, layer, statement, verdict

ALLOWED, IMPLICIT, EXPLICIT = Verdict.ALLOWED, Verdict.IMPLICIT_DENY, Verdict.EXPLICIT_DENY
ACCOUNT = "123456789012"
ANN = Principal(account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:user/ann", kind="user", id="AIDA1", name="ann")
SESSION = Principal(
    account=ACCOUNT,
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s",
    kind="role",
    id="AROA1:s",
    name="r",
    role_arn=f"arn:aws:iam::{ACCOUNT}:role/team/r",
)
SAGEMAKER = Principal.service("sagemaker.amazonaws.com", ACCOUNT)


def test_nothing_is_allowed_without_a_policy() -> None:
    assert verdict([]) is IMPLICIT


def test_an_allow_allows() -> None:
    assert verdict(allow("s3:GetObject", "arn:aws:s3:::b/*")) is ALLOWED


@pytest.mark.parametrize("order", [1, -1])
def test_a_deny_wins_wherever_it_stands(order: int) -> None:
    assert verdict([allow(), deny("s3:*")][::order]) is EXPLICIT


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("s3:PutObject", "arn:aws:s3:::b/k", IMPLICIT),
        ("s3:GetObject", "arn:aws:s3:::other/k", IMPLICIT),
        ("S3:GETOBJECT", "arn:aws:s3:::b/k", ALLOWED),
        ("s3:GetObject", "arn:aws:s3:::B/k", IMPLICIT),
    ],
)
def test_action_and_resource_must_match(action: str, resource: str, expected: Verdict) -> None:
    assert verdict(allow(["s3:GetObject", "s3:List*"], "arn:aws:s3:::b/*"), action, resource) is expected


def test_not_action_is_everything_else() -> None:
    text = document(statement(NotAction=["iam:*"], Resource="*"))
    assert verdict(text) is ALLOWED
    assert verdict(text, "iam:GetUser") is IMPLICIT


def test_not_resource_is_every_other_resource() -> None:
    text = document(statement("Deny", Action="*", NotResource="arn:aws:s3:::b/*"))
    assert verdict([allow(), text]) is ALLOWED
    assert verdict([allow(), text], resource="arn:aws:s3:::c/k") is EXPLICIT


def test_all_conditions_must_hold() -> None:
    text = allow(
        Condition={"StringEquals": {"a:b": "1", "a:c": "2"}, "Bool": {"aws:SecureTransport": "true"}}
    )
    assert verdict(text, facts={"a:b": "1", "a:c": "2", "aws:SecureTransport": "true"}) is ALLOWED
    assert verdict(text, facts={"a:b": "1", "a:c": "2", "aws:SecureTransport": "false"}) is IMPLICIT
    assert verdict(text, facts={"a:b": "1", "aws:SecureTransport": "true"}) is IMPLICIT


def test_a_deny_whose_condition_fails_is_no_deny() -> None:
    text = deny("*", "*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    assert verdict([allow(), text], facts={"aws:SecureTransport": "true"}) is ALLOWED


@pytest.mark.parametrize(
    ("boundary", "session", "expected", "blamed"),
    [
        (allow("s3:*"), allow("s3:Get*"), ALLOWED, "identity-based policy"),
        (allow("ec2:*"), None, IMPLICIT, "permissions boundary"),
        (deny(), None, EXPLICIT, "permissions boundary"),
        (None, allow("ec2:*"), IMPLICIT, "session policy"),
        (allow("ec2:*"), deny(), EXPLICIT, "session policy"),
    ],
)
def test_boundary_and_session_narrow(
    boundary: str | None, session: str | None, expected: Verdict, blamed: str
) -> None:
    permissions = Permissions(
        layer(allow()),
        layer(boundary, name="permissions boundary") if boundary else None,
        layer(session, name="session policy") if session else None,
    )
    decision = permissions.decide("s3:GetObject", "arn:aws:s3:::b/k", Facts.of())
    assert (decision.verdict, decision.layer) == (expected, blamed)


def test_a_boundary_allows_nothing_by_itself() -> None:
    permissions = Permissions(layer(), layer(allow(), name="permissions boundary"))
    assert permissions.decide("s3:GetObject", "*", Facts.of()).verdict is IMPLICIT


@pytest.mark.parametrize(
    ("own", "session", "expected"),
    [
        ((), None, ALLOWED),
        ((deny("s3:*"),), None, EXPLICIT),
        ((), allow("s3:Put*"), IMPLICIT),
        ((), allow("s3:Get*"), ALLOWED),
    ],
)
def test_what_the_resource_grants_is_still_limited(
    own: tuple[str, ...], session: str | None, expected: Verdict
) -> None:
    permissions = Permissions(layer(*own), None, layer(session, name="session policy") if session else None)
    assert permissions.decide_granted("s3:GetObject", "*", Facts.of()).verdict is expected


def _trust(principal: object, element: str = "Principal", **more: object) -> str:
    return document(statement(**{element: principal}, Action="sts:AssumeRole", **more))


@pytest.mark.parametrize(
    ("principal", "caller", "expected", "is_direct"),
    [
        ({"Service": "sagemaker.amazonaws.com"}, SAGEMAKER, ALLOWED, True),
        ({"Service": "lambda.amazonaws.com"}, SAGEMAKER, IMPLICIT, False),
        ({"Service": "sagemaker.amazonaws.com"}, ANN, IMPLICIT, False),
        ({"AWS": ANN.arn}, ANN, ALLOWED, True),
        ({"AWS": [f"arn:aws:iam::{ACCOUNT}:user/bob", ANN.arn]}, ANN, ALLOWED, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, ANN, ALLOWED, False),
        ({"AWS": ACCOUNT}, SESSION, ALLOWED, False),
        ({"AWS": "210987654321"}, ANN, IMPLICIT, False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Principal.root(ACCOUNT), ALLOWED, True),
        ({"AWS": SESSION.role_arn}, SESSION, ALLOWED, True),
        ({"AWS": SESSION.arn}, SESSION, ALLOWED, True),
        ({"AWS": "*"}, ANN, ALLOWED, True),
        ("*", Principal.anonymous(), ALLOWED, True),
    ],
)
def test_a_trust_policy_names_callers(
    principal: object, caller: Principal, expected: Verdict, is_direct: bool
) -> None:
    policy = compile_policy(_trust(principal), "trust")
    decision = decide_for(policy, caller, "sts:AssumeRole", "*", Facts.of())
    assert (decision.verdict, decision.is_direct) == (expected, is_direct)


def test_not_principal_names_everybody_else() -> None:
    text = document(
        statement(Principal="*", Action="sts:*"),
        statement("Deny", NotPrincipal={"AWS": ANN.arn}, Action="sts:*"),
    )
    policy = compile_policy(text, "trust")
    assert decide_for(policy, ANN, "sts:AssumeRole", "*", Facts.of()).verdict is ALLOWED
    assert decide_for(policy, SESSION, "sts:AssumeRole", "*", Facts.of()).verdict is EXPLICIT


def test_a_resource_policy_is_about_its_resources() -> None:
    text = document(statement(Principal="*", Action="s3:GetObject", Resource="arn:aws:s3:::b/public/*"))
    policy = compile_policy(text, "resource")
    facts = Facts.of()
    assert decide_for(policy, ANN, "s3:GetObject", "arn:aws:s3:::b/public/x", facts).verdict is ALLOWED
    assert decide_for(policy, ANN, "s3:GetObject", "arn:aws:s3:::b/x", facts).verdict is IMPLICIT


def test_a_decision_costs_microseconds() -> None:
    permissions = Permissions(layer(allow("s3:*"), allow("logs:*"), allow(["sagemaker:*", "ecr:*"])))
    cost = min(
        timeit.repeat(lambda: permissions.decide("ecr:GetImage", "*", Facts.of()), number=1000, repeat=5)
    )
    assert (
        cost / 1000 < 100e-6
    )  # a decision measures about 3 µs; the bound catches another order of magnitude
