"""STS."""

from typing import Any

import pytest

from sagesse.core.error import ServiceError
from sagesse.core.policy import Identities
from sagesse.core.principal import Principal
from sagesse.core.record import Key
from sagesse.services.sts.session import GRACE_S
from tests.core.policy.build import allow, deny, document, statement
from tests.services.iam.account import ACCOUNT, ROOT, TestAccount

SAGEMAKER = Principal.service("sagemaker.amazonaws.com", ACCOUNT)


def trust(principal: Any, **more: Any) -> str:
    return document(statement(Principal=principal, Action="sts:AssumeRole", **more))


def test_everybody_may_ask_who_they_are(account: TestAccount) -> None:
    ann = account.user("ann", deny())
    assert account.ask("GetCallerIdentity", ann, service="sts") == {
        "UserId": ann.id,
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/ann",
    }


def test_root_is_the_account(account: TestAccount) -> None:
    answer = account.ask("GetCallerIdentity", service="sts")
    assert answer == {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}


def test_nobody_is_refused(account: TestAccount) -> None:
    with pytest.raises(ServiceError, match="MissingAuthenticationToken"):
        account.ask("GetCallerIdentity", Principal.anonymous(), service="sts")


def test_a_session_is_answered_in_full(account: TestAccount) -> None:
    arn = account.role("r", Path="/team/")
    answer = account.assume(arn, RoleSessionName="work")
    credentials, user = answer["Credentials"], answer["AssumedRoleUser"]
    assert credentials["AccessKeyId"].startswith("ASIA")
    assert credentials["Expiration"] == int(account.clock.now()) + 3600
    assert user["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/r/work"
    assert user["AssumedRoleId"].startswith("AROA")
    assert user["AssumedRoleId"].endswith(":work")
    assert "PackedPolicySize" not in answer


def test_a_session_survives_a_restart(account: TestAccount) -> None:
    credentials = account.assume(account.role("r"))["Credentials"]
    found = Identities(account.store, account.clock).find(credentials["AccessKeyId"])
    assert found is not None
    assert (found.secret, found.session_token, found.expires) == (
        credentials["SecretAccessKey"],
        credentials["SessionToken"],
        credentials["Expiration"],
    )


@pytest.mark.parametrize(
    ("principal", "who", "documents", "is_allowed"),
    [
        ({"AWS": ACCOUNT}, "ann", (), False),
        ({"AWS": ACCOUNT}, "ann", (allow("sts:AssumeRole"),), True),
        ({"AWS": ACCOUNT}, "root", (), True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/ann"}, "ann", (), True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/ann"}, "ann", (deny("sts:*"),), False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"}, "ann", (allow(),), False),
        ({"Service": "sagemaker.amazonaws.com"}, "sagemaker", (), True),
        ({"Service": "sagemaker.amazonaws.com"}, "root", (), False),
        ({"Service": "lambda.amazonaws.com"}, "sagemaker", (), False),
    ],
)
def test_both_sides_must_agree(
    account: TestAccount, principal: Any, who: str, documents: tuple[str, ...], is_allowed: bool
) -> None:
    ann = account.user("ann", *documents)
    arn = account.role("r", trust=trust(principal))
    caller = {"ann": ann, "root": ROOT, "sagemaker": SAGEMAKER}[who]
    if is_allowed:
        assert account.assume(arn, caller)["Credentials"]
        return
    with pytest.raises(ServiceError) as refusal:
        account.assume(arn, caller)
    assert refusal.value.code == "AccessDenied"
    assert refusal.value.message == (
        f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    )


def test_a_missing_role_is_refused_like_a_forbidden_one(account: TestAccount) -> None:
    with pytest.raises(
        ServiceError, match=r"AccessDenied: User: .* on resource: arn:aws:iam::.*:role/nobody"
    ):
        account.assume(f"arn:aws:iam::{ACCOUNT}:role/nobody")


@pytest.mark.parametrize(
    "arn", ["nonsense-nonsense-nonsense", "arn:aws:s3:::bucket", f"arn:aws:iam::{ACCOUNT}:user/ann"]
)
def test_what_is_no_roles_arn_is_invalid(account: TestAccount, arn: str) -> None:
    with pytest.raises(ServiceError) as refusal:
        account.assume(arn)
    assert (refusal.value.code, refusal.value.message) == ("ValidationError", f"{arn} is invalid")


def test_the_path_of_the_arn_must_be_right(account: TestAccount) -> None:
    account.role("r", Path="/team/")
    with pytest.raises(ServiceError, match="AccessDenied"):
        account.assume(f"arn:aws:iam::{ACCOUNT}:role/r")


def test_an_external_id_may_be_demanded(account: TestAccount) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "secret"}}
    arn = account.role("r", trust=trust({"AWS": ACCOUNT}, Condition=condition))
    assert account.assume(arn, ExternalId="secret")["Credentials"]
    for members in ({}, {"ExternalId": "other"}):
        with pytest.raises(ServiceError, match="AccessDenied"):
            account.assume(arn, **members)


def test_session_tags_need_their_own_trust(account: TestAccount) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    assert dict(account.session(account.role("r"), Tags=tags).tags) == {"team": "a"}
    with pytest.raises(ServiceError, match="sts:TagSession"):
        account.assume(account.role("q", trust=trust({"AWS": ACCOUNT})), Tags=tags)


def test_a_session_tag_is_given_once(account: TestAccount) -> None:
    tags = [{"Key": "team", "Value": "a"}, {"Key": "Team", "Value": "b"}]
    with pytest.raises(ServiceError, match=r"Duplicate tag keys found"):
        account.assume(account.role("r"), Tags=tags)


@pytest.mark.parametrize(("role_s", "asked_s", "is_allowed"), [(3600, 3601, False), (7200, 7200, True)])
def test_a_session_lasts_as_long_as_the_role_lets_it(
    account: TestAccount, role_s: int, asked_s: int, is_allowed: bool
) -> None:
    arn = account.role("r", MaxSessionDuration=role_s)
    if is_allowed:
        assert account.assume(arn, DurationSeconds=asked_s)["Credentials"]
        return
    with pytest.raises(ServiceError) as refusal:
        account.assume(arn, DurationSeconds=asked_s)
    assert refusal.value.code == "ValidationError"
    assert "exceeds the MaxSessionDuration set for this role" in refusal.value.message


def test_a_chained_session_lasts_an_hour(account: TestAccount) -> None:
    session = account.session(account.role("first", allow("sts:*")))
    arn = account.role("second", MaxSessionDuration=7200)
    assert account.assume(arn, session)["Credentials"]
    with pytest.raises(ServiceError, match="1 hour session limit for roles assumed by role chaining"):
        account.assume(arn, session, DurationSeconds=7200)


def test_managed_policies_narrow_a_session(account: TestAccount) -> None:
    arn = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
    session = account.session(account.role("r", allow()), PolicyArns=[{"arn": arn}])
    assert account.ask("ListRoles", session)["Roles"]
    with pytest.raises(ServiceError, match="no session policy allows the iam:CreateUser action"):
        account.ask("CreateUser", session, UserName="ann")


def test_a_malformed_session_policy_is_refused(account: TestAccount) -> None:
    with pytest.raises(ServiceError) as refusal:
        account.assume(account.role("r"), Policy="{}")
    assert refusal.value.code == "MalformedPolicyDocumentException"


def test_a_large_session_policy_is_refused(account: TestAccount) -> None:
    with pytest.raises(ServiceError) as refusal:
        account.assume(account.role("r"), Policy=allow(["s3:" + "x" * 2100]))
    assert refusal.value.code == "PackedPolicyTooLargeException"


@pytest.mark.parametrize("member", ["SerialNumber", "TokenCode", "SourceIdentity"])
def test_what_is_not_supported_is_refused(account: TestAccount, member: str) -> None:
    with pytest.raises(ServiceError, match=f"Sagesse does not support {member}"):
        account.assume(account.role("r"), **{member: "123456"})


def test_a_session_token_is_the_users_own(account: TestAccount) -> None:
    ann = account.user("ann", allow("iam:ListUsers"))
    answer = account.ask("GetSessionToken", ann, service="sts")["Credentials"]
    credential = account.identities.find(answer["AccessKeyId"])
    assert credential is not None
    assert credential.principal == ann
    assert credential.expires == int(account.clock.now()) + 43_200
    assert account.ask("ListUsers", credential.principal)["Users"]


def test_a_session_token_of_root_lasts_an_hour(account: TestAccount) -> None:
    answer = account.ask("GetSessionToken", service="sts", DurationSeconds=7200)["Credentials"]
    assert answer["Expiration"] == int(account.clock.now()) + 3600


def test_a_session_token_ends_with_its_user(account: TestAccount) -> None:
    ann = account.user("ann")
    key_id = account.ask("GetSessionToken", ann, service="sts")["Credentials"]["AccessKeyId"]
    assert account.identities.find(key_id) is not None
    for key in account.ask("ListAccessKeys", UserName="ann")["AccessKeyMetadata"]:
        account.ask("DeleteAccessKey", UserName="ann", AccessKeyId=key["AccessKeyId"])
    account.ask("DeleteUser", UserName="ann")
    assert account.identities.find(key_id) is None


def test_a_role_session_gets_no_session_token(account: TestAccount) -> None:
    session = account.session(account.role("r", allow()))
    with pytest.raises(ServiceError, match="Cannot call GetSessionToken with session credentials"):
        account.ask("GetSessionToken", session, service="sts")


def test_a_key_tells_its_account(account: TestAccount) -> None:
    key_id = account.assume(account.role("r"))["Credentials"]["AccessKeyId"]
    assert account.ask("GetAccessKeyInfo", service="sts", AccessKeyId=key_id) == {"Account": ACCOUNT}


def test_ended_sessions_are_swept(account: TestAccount) -> None:
    key_id = account.assume(account.role("r"))["Credentials"]["AccessKeyId"]
    key = Key("sts:Session", ACCOUNT, "", key_id)
    assert account.woken == [key]
    ctx: Any = account
    record = account.store.get(key)
    assert record is not None
    assert account.tokens.advance(ctx, record) == pytest.approx(3600 + GRACE_S, abs=1)
    account.clock.turn(3601 + GRACE_S)
    assert account.tokens.advance(ctx, record) is None
    assert account.store.get(key) is None


def test_an_operation_that_is_not_built_says_so(account: TestAccount) -> None:
    with pytest.raises(ServiceError) as refusal:
        account.ask("AssumeRoleWithSAML", service="sts")
    assert refusal.value.status == 501
