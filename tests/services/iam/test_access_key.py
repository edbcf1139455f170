"""Access keys."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.record import Record
from sagesse.services.iam.access_key import keys_of
from tests.core.policy.build import allow
from tests.services.iam.account import ROOT, TestAccount


def test_a_key_finds_its_user(account: TestAccount) -> None:
    account.ask("CreateUser", UserName="ann")
    key = account.ask("CreateAccessKey", UserName="ann")["AccessKey"]
    credential = account.identities.find(key["AccessKeyId"])
    assert credential is not None
    assert credential.secret == key["SecretAccessKey"]
    assert (credential.principal.kind, credential.principal.name) == ("user", "ann")
    assert credential.session_token is None


def test_the_secret_is_answered_once(account: TestAccount) -> None:
    account.user("ann")
    listed = account.ask("ListAccessKeys", UserName="ann")["AccessKeyMetadata"]
    assert [sorted(key) for key in listed] == [["AccessKeyId", "CreateDate", "Status", "UserName"]]


def test_an_inactive_key_is_unknown(account: TestAccount) -> None:
    account.ask("CreateUser", UserName="ann")
    key_id = account.ask("CreateAccessKey", UserName="ann")["AccessKey"]["AccessKeyId"]
    assert account.identities.find(key_id) is not None
    account.ask("UpdateAccessKey", UserName="ann", AccessKeyId=key_id, Status="Inactive")
    assert account.identities.find(key_id) is None
    account.ask("UpdateAccessKey", UserName="ann", AccessKeyId=key_id, Status="Active")
    assert account.identities.find(key_id) is not None


def test_a_deleted_key_is_unknown(account: TestAccount) -> None:
    account.ask("CreateUser", UserName="ann")
    key_id = account.ask("CreateAccessKey", UserName="ann")["AccessKey"]["AccessKeyId"]
    assert account.identities.find(key_id) is not None
    account.ask("DeleteAccessKey", UserName="ann", AccessKeyId=key_id)
    assert account.identities.find(key_id) is None


@pytest.mark.parametrize("text", ["", "test", "AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "\0"])
def test_an_unknown_key_is_nobody(account: TestAccount, text: str) -> None:
    assert account.identities.find(text) is None


def test_a_user_has_two_keys_at_most(account: TestAccount) -> None:
    account.user("ann")
    account.ask("CreateAccessKey", UserName="ann")
    with pytest.raises(ServiceError, match=r"LimitExceeded.*AccessKeysPerUser: 2"):
        account.ask("CreateAccessKey", UserName="ann")


def test_keys_asked_for_at_once_are_counted_too(
    account: TestAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.user("ann")  # has one
    meeting = threading.Barrier(2)

    def count(ctx: Context, name: str) -> list[Record]:
        found = keys_of(ctx, name)
        with suppress(threading.BrokenBarrierError):  # the other one is kept out, as it should be
            meeting.wait(0.3)
        return found

    monkeypatch.setattr("sagesse.services.iam.access_key.keys_of", count)

    def create(_: int) -> str:
        try:
            return account.ask("CreateAccessKey", UserName="ann")["AccessKey"]["Status"]
        except ServiceError as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(create, range(2))) == ["Active", "LimitExceededException"]


def test_another_users_key_is_not_found(account: TestAccount) -> None:
    account.user("ann")
    account.user("bob")
    key_id = account.ask("ListAccessKeys", UserName="ann")["AccessKeyMetadata"][0]["AccessKeyId"]
    with pytest.raises(ServiceError) as refusal:
        account.ask("DeleteAccessKey", UserName="bob", AccessKeyId=key_id)
    assert refusal.value.code == "NoSuchEntityException"
    assert refusal.value.message == f"The Access Key with id {key_id} cannot be found."


def test_root_has_keys_of_its_own(account: TestAccount) -> None:
    key = account.ask("CreateAccessKey")["AccessKey"]
    credential = account.identities.find(key["AccessKeyId"])
    assert credential is not None
    assert credential.principal == ROOT


def test_a_user_may_be_allowed_its_own_keys_only(account: TestAccount) -> None:
    ann = account.user("ann", allow("iam:*AccessKey*", "arn:aws:iam::*:user/${aws:username}"))
    account.user("bob")
    assert len(account.ask("ListAccessKeys", ann)["AccessKeyMetadata"]) == 1
    with pytest.raises(ServiceError, match="not authorized to perform: iam:ListAccessKeys"):
        account.ask("ListAccessKeys", ann, UserName="bob")


def test_last_use_is_known(account: TestAccount) -> None:
    account.ask("CreateUser", UserName="ann")
    key_id = account.ask("CreateAccessKey", UserName="ann")["AccessKey"]["AccessKeyId"]
    unused = account.ask("GetAccessKeyLastUsed", AccessKeyId=key_id)
    assert unused == {"UserName": "ann", "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}
    account.identities.find(key_id)
    used = account.ask("GetAccessKeyLastUsed", AccessKeyId=key_id)["AccessKeyLastUsed"]
    assert used["LastUsedDate"] == account.clock.now()
