"""Keys as boto3 sees them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError


def _code(refusal: pytest.ExceptionInfo[ClientError]) -> str:
    return refusal.value.response["Error"]["Code"]


def test_a_new_key_is_enabled_and_symmetric(kms: Any) -> None:
    made = kms.create_key(Description="mine")["KeyMetadata"]
    assert (made["KeyState"], made["Enabled"], made["KeySpec"]) == ("Enabled", True, "SYMMETRIC_DEFAULT")
    assert kms.describe_key(KeyId=made["Arn"])["KeyMetadata"] == made


@pytest.mark.parametrize(
    "wish",
    [{"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}, {"Origin": "EXTERNAL"}, {"MultiRegion": True}],
)
def test_other_keys_are_refused_by_name(kms: Any, wish: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refusal:
        kms.create_key(**wish)
    assert _code(refusal) == "UnsupportedOperationException"
    assert next(iter(wish)) in str(refusal.value)


def test_a_key_that_is_not_there_is_not_found(kms: Any) -> None:
    with pytest.raises(kms.exceptions.NotFoundException, match="does not exist"):
        kms.describe_key(KeyId="11111111-2222-3333-4444-555555555555")


def test_a_name_that_is_no_key_id_is_not_found(kms: Any) -> None:
    with pytest.raises(kms.exceptions.NotFoundException, match="Invalid keyId"):
        kms.describe_key(KeyId="my-key")


def test_a_disabled_key_neither_encrypts_nor_decrypts(kms: Any, key: str) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    with pytest.raises(kms.exceptions.DisabledException):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    with pytest.raises(kms.exceptions.DisabledException):
        kms.decrypt(CiphertextBlob=blob)
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_a_key_that_waits_for_deletion_is_of_no_use(kms: Any, key: str) -> None:
    answer = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert answer["KeyState"] == "PendingDeletion"
    with pytest.raises(kms.exceptions.KMSInvalidStateException, match="is pending deletion"):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["DeletionDate"] == answer["DeletionDate"]


def test_a_cancelled_deletion_leaves_the_key_disabled(kms: Any, key: str) -> None:
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=key)
    found = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (found["KeyState"], "DeletionDate" in found) == ("Disabled", False)


def test_the_waiting_time_is_between_7_and_30_days(kms: Any, key: str) -> None:
    with pytest.raises(ClientError) as refusal:
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=6)
    assert _code(refusal) == "ValidationException"


def test_pages_of_keys_join_to_all_keys(kms: Any) -> None:
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3)}
    pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 1}))
    found = [entry["KeyId"] for page in pages for entry in page["Keys"]]
    assert made <= set(found)
    assert len(found) == len(set(found)) == len(pages)


def test_tags_are_added_listed_and_removed(kms: Any) -> None:
    key = kms.create_key(Tags=[{"TagKey": "a", "TagValue": "1"}])["KeyMetadata"]["KeyId"]
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "b", "TagValue": "2"}])
    kms.untag_resource(KeyId=key, TagKeys=["a"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "b", "TagValue": "2"}]


def test_a_description_can_be_changed(kms: Any, key: str) -> None:
    kms.update_key_description(KeyId=key, Description="other")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "other"


def test_an_alias_stands_for_its_key(kms: Any, key: str) -> None:
    kms.create_alias(AliasName="alias/stands", TargetKeyId=key)
    assert kms.describe_key(KeyId="alias/stands")["KeyMetadata"]["KeyId"] == key
    (shown,) = kms.list_aliases(KeyId=key)["Aliases"]
    assert kms.describe_key(KeyId=shown["AliasArn"])["KeyMetadata"]["KeyId"] == key


def test_an_alias_can_be_turned_to_another_key(kms: Any, key: str) -> None:
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/turned", TargetKeyId=key)
    kms.update_alias(AliasName="alias/turned", TargetKeyId=other)
    assert kms.describe_key(KeyId="alias/turned")["KeyMetadata"]["KeyId"] == other


def test_a_second_alias_of_the_name_is_refused(kms: Any, key: str) -> None:
    kms.create_alias(AliasName="alias/once", TargetKeyId=key)
    with pytest.raises(kms.exceptions.AlreadyExistsException, match="alias/once"):
        kms.create_alias(AliasName="alias/once", TargetKeyId=key)


def test_a_deleted_alias_is_not_found(kms: Any, key: str) -> None:
    kms.create_alias(AliasName="alias/gone", TargetKeyId=key)
    kms.delete_alias(AliasName="alias/gone")
    with pytest.raises(kms.exceptions.NotFoundException, match="alias/gone is not found"):
        kms.encrypt(KeyId="alias/gone", Plaintext=b"x")


def test_aliases_of_aws_are_reserved(kms: Any, key: str) -> None:
    with pytest.raises(ClientError) as refusal:
        kms.create_alias(AliasName="alias/aws/mine", TargetKeyId=key)
    assert _code(refusal) == "NotAuthorizedException"


def test_the_managed_key_of_a_service_is_made_on_first_use_and_only_once(kms: Any) -> None:
    found = {kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyId"] for _ in range(2)}
    assert len(found) == 1
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyManager"] == "AWS"


def test_the_managed_key_cannot_be_used_directly(kms: Any) -> None:
    with pytest.raises(ClientError) as refusal:
        kms.encrypt(KeyId="alias/aws/s3", Plaintext=b"x")
    assert _code(refusal) == "AccessDeniedException"


def test_operations_on_keys_of_other_sorts_say_501(kms: Any, key: str) -> None:
    with pytest.raises(ClientError) as refusal:
        kms.generate_data_key_pair(KeyId=key, KeyPairSpec="RSA_2048")
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_first_uses_at_the_same_moment_make_one_managed_key(kms: Any) -> None:
    def use(_: int) -> str:
        return kms.describe_key(KeyId="alias/aws/glue")["KeyMetadata"]["KeyId"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(use, range(16)))) == 1
