"""Who may use a key."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
MayUseKeys = {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:Decrypt"], "Resource": "*"}


def _policy(*statements: dict[str, Any]) -> str:
    own = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
    return orjson.dumps({"Version": "2012-10-17", "Statement": [own, *statements]}).decode()


def _is_denied(work: Callable[[], Any]) -> bool:
    try:
        work()
    except ClientError as error:
        return error.response["Error"]["Code"] == "AccessDeniedException"
    return False


def test_a_user_without_policies_may_nothing(as_user: Callable[..., Any], key: str) -> None:
    user = as_user("nobody")
    assert _is_denied(lambda: user.encrypt(KeyId=key, Plaintext=b"x"))
    assert _is_denied(user.create_key)


def test_the_default_key_policy_leaves_it_to_identity_policies(as_user: Callable[..., Any], key: str) -> None:
    user = as_user("allowed", MayUseKeys)
    blob = user.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert user.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_key_policy_that_names_the_user_is_enough(kms: Any, as_user: Callable[..., Any], key: str) -> None:
    user = as_user("named")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/named"},
        "Action": "kms:Encrypt",
        "Resource": "*",
    }
    kms.put_key_policy(KeyId=key, Policy=_policy(statement))
    assert user.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert _is_denied(lambda: user.describe_key(KeyId=key))


def test_a_deny_of_the_key_policy_wins(kms: Any, as_user: Callable[..., Any], key: str) -> None:
    user = as_user("denied", MayUseKeys)
    statement = {"Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"}
    kms.put_key_policy(KeyId=key, Policy=_policy(statement))
    assert _is_denied(lambda: user.encrypt(KeyId=key, Plaintext=b"x"))
    assert _is_denied(lambda: kms.encrypt(KeyId=key, Plaintext=b"x"))


def test_identity_policies_count_for_nothing_when_the_key_policy_does_not_name_the_account(
    kms: Any, as_user: Callable[..., Any]
) -> None:
    keeper = {"AWS": ROOT}
    only = {"Effect": "Allow", "Principal": keeper, "Action": "kms:PutKeyPolicy", "Resource": "*"}
    policy = orjson.dumps({"Version": "2012-10-17", "Statement": [only]}).decode()
    key = kms.create_key(Policy=policy)["KeyMetadata"]["KeyId"]
    user = as_user("outside", MayUseKeys)
    assert _is_denied(lambda: user.encrypt(KeyId=key, Plaintext=b"x"))


def test_a_policy_that_shuts_its_author_out_is_refused(kms: Any, key: str) -> None:
    only = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:Encrypt", "Resource": "*"}
    policy = orjson.dumps({"Version": "2012-10-17", "Statement": [only]}).decode()
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException, match="in the future"):
        kms.put_key_policy(KeyId=key, Policy=policy)


def test_what_is_no_policy_is_refused(kms: Any, key: str) -> None:
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException):
        kms.put_key_policy(KeyId=key, Policy="{}")


def test_conditions_see_the_encryption_context(kms: Any, as_user: Callable[..., Any], key: str) -> None:
    may = {**MayUseKeys, "Condition": {"StringEquals": {"kms:EncryptionContext:team": "red"}}}
    user = as_user("contextual", may)
    assert user.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"team": "red"})
    assert _is_denied(lambda: user.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"team": "blue"}))


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:ResourceTag/team": "red"}},
        {"StringEquals": {"kms:RequestAlias": "alias/asked"}},
        {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/asked"}},
        {"StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}},
        {"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:KeyUsage": "ENCRYPT_DECRYPT"}},
        {"Bool": {"kms:MultiRegion": "false"}},
    ],
)
def test_conditions_see_the_key_and_its_names(kms: Any, key: str, condition: dict[str, Any]) -> None:
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "team", "TagValue": "red"}])
    kms.create_alias(AliasName="alias/asked", TargetKeyId=key)
    statement = {"Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*"}
    kms.put_key_policy(KeyId=key, Policy=_policy({**statement, "Condition": condition}))
    try:
        assert _is_denied(lambda: kms.encrypt(KeyId="alias/asked", Plaintext=b"x"))
    finally:
        kms.delete_alias(AliasName="alias/asked")


def test_conditions_see_what_is_asked_of_a_key(kms: Any, as_user: Callable[..., Any], key: str) -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Resource": "*"}
    other = f"arn:aws:iam::{ACCOUNT}:user/other"
    statements = [
        ("ScheduleKeyDeletion", {"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": "10"}}),
        ("CreateGrant", {"StringNotEquals": {"kms:GranteePrincipal": other}}),
        ("TagResource", {"ForAnyValue:StringEquals": {"aws:TagKeys": "secret"}}),
    ]
    denied = [{**deny, "Action": f"kms:{name}", "Condition": condition} for name, condition in statements]
    kms.put_key_policy(KeyId=key, Policy=_policy(*denied))
    assert _is_denied(lambda: kms.tag_resource(KeyId=key, Tags=[{"TagKey": "secret", "TagValue": ""}]))
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "open", "TagValue": ""}])
    ask = {"KeyId": key, "Operations": ["Decrypt"]}
    assert _is_denied(lambda: kms.create_grant(**ask, GranteePrincipal=other + "2"))
    kms.create_grant(**ask, GranteePrincipal=other)
    assert _is_denied(lambda: kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7))
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=10)


def test_a_grant_allows_its_operations_until_it_is_revoked(
    kms: Any, as_user: Callable[..., Any], key: str
) -> None:
    user = as_user("granted")
    grant = kms.create_grant(
        KeyId=key,
        GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:user/granted",
        Operations=["Encrypt"],
        Constraints={"EncryptionContextSubset": {"a": "1"}},
    )
    assert user.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1", "b": "2"})
    assert _is_denied(lambda: user.encrypt(KeyId=key, Plaintext=b"x"))
    assert _is_denied(
        lambda: user.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"a": "1"})
    )
    kms.revoke_grant(KeyId=key, GrantId=grant["GrantId"])
    assert _is_denied(lambda: user.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1"}))


def test_a_named_grant_is_made_once(kms: Any, key: str) -> None:
    terms = {
        "GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:user/any",
        "Operations": ["Decrypt"],
        "Name": "once",
    }
    ids = {kms.create_grant(KeyId=key, **terms)["GrantId"] for _ in range(2)}
    assert [grant["GrantId"] for grant in kms.list_grants(KeyId=key)["Grants"]] == list(ids)


def test_a_grant_is_passed_on_only_in_part(kms: Any, as_user: Callable[..., Any], key: str) -> None:
    user = as_user("passing")
    me, other = (f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ("passing", "second"))
    kms.create_grant(KeyId=key, GranteePrincipal=me, Operations=["Encrypt", "CreateGrant"])
    user.create_grant(KeyId=key, GranteePrincipal=other, Operations=["Encrypt"])
    assert _is_denied(
        lambda: user.create_grant(KeyId=key, GranteePrincipal=other, Operations=["Encrypt", "Decrypt"])
    )


def test_the_retiring_principal_ends_a_grant(kms: Any, as_user: Callable[..., Any], key: str) -> None:
    user, stranger = as_user("retiring"), as_user("stranger")
    me = f"arn:aws:iam::{ACCOUNT}:user/retiring"
    grant = kms.create_grant(KeyId=key, GranteePrincipal=ROOT, RetiringPrincipal=me, Operations=["Decrypt"])
    assert [found["GrantId"] for found in kms.list_retirable_grants(RetiringPrincipal=me)["Grants"]] == [
        grant["GrantId"]
    ]
    assert _is_denied(lambda: stranger.retire_grant(GrantToken=grant["GrantToken"]))
    user.retire_grant(GrantToken=grant["GrantToken"])
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_secrets_are_not_in_the_audit_trail(server: Any, kms: Any, key: str) -> None:
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    lines = [file.read_bytes() for file in (server.data_dir / "audit").iterdir()]
    events = [orjson.loads(line) for text in lines for line in text.splitlines()]
    answers = [event["responseElements"] for event in events if event["eventName"] == "GenerateDataKey"]
    assert answers
    assert made["Plaintext"]
    assert all(answer is None or answer["Plaintext"].startswith("HIDDEN") for answer in answers)
