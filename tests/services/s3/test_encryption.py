"""Encryption as boto3 asks for it."""

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError, ResponseStreamingError

from sagesse.testing.server import Server
from tests.services.s3.conftest import Refusals

LARGE = bytes(range(256)) * 10_000
PART = bytes(range(256)) * (5 * 4096)
CUSTOMER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
OTHER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"x" * 32}
_KEY_TEXT = base64.b64encode(b"k" * 32).decode()
WAYS = {
    "sse-s3": ({"ServerSideEncryption": "AES256"}, {}),
    "sse-kms": ({"ServerSideEncryption": "aws:kms"}, {}),
    "sse-c": (CUSTOMER, CUSTOMER),
}
User = Callable[..., Any]


@pytest.fixture(scope="package")
def kms(server: Server) -> Any:
    return server.client("kms")


@pytest.fixture
def key(kms: Any) -> str:
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a request to write says, and what one to read says."""
    return WAYS[request.param]


@pytest.fixture
def as_user(server: Server) -> User:
    """An S3 client of a fresh user with these identity statements."""
    iam = server.client("iam")

    def make(name: str, *statements: dict[str, Any]) -> Any:
        iam.create_user(UserName=name)
        document = orjson.dumps({"Version": "2012-10-17", "Statement": list(statements)}).decode()
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        found = iam.create_access_key(UserName=name)["AccessKey"]
        return server.client(
            "s3",
            aws_access_key_id=found["AccessKeyId"],
            aws_secret_access_key=found["SecretAccessKey"],
        )

    return make


def _files(server: Server) -> list[Path]:
    return [path for path in (server.data_dir / "objects" / "blobs").rglob("*") if path.is_file()]


@pytest.mark.parametrize("body", [b"", b"small", LARGE], ids=["empty", "small", "large"])
def test_what_is_encrypted_comes_back(s3: Any, bucket: str, way: Any, body: bytes) -> None:
    writing, reading = way
    s3.put_object(Bucket=bucket, Key="k", Body=body, **writing)
    found = s3.get_object(Bucket=bucket, Key="k", **reading)
    assert found["Body"].read() == body
    assert found["ContentLength"] == len(body)


def test_ranges_of_what_is_encrypted(s3: Any, bucket: str, way: Any) -> None:
    writing, reading = way
    s3.put_object(Bucket=bucket, Key="k", Body=LARGE, **writing)
    for start, end in ((0, 0), (65_535, 65_536), (100, 1_999_999), (2_559_999, 2_559_999)):
        found = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={start}-{end}", **reading)
        assert found["Body"].read() == LARGE[start : end + 1]


def test_uploads_in_parts_are_encrypted(s3: Any, bucket: str, way: Any) -> None:
    writing, reading = way
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **writing)["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**upload, PartNumber=number, Body=body, **reading)["ETag"],
        }
        for number, body in ((1, PART), (2, b"end"))
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="k", **reading)["Body"].read() == PART + b"end"
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2, **reading)
    assert second["Body"].read() == b"end"


@pytest.mark.parametrize(("place", "failure"), [(1000, ClientError), (-1000, ResponseStreamingError)])
def test_a_bad_byte_on_the_disk_is_never_given_out(
    s3: Any, server: Server, bucket: str, place: int, failure: type[Exception]
) -> None:
    before = set(_files(server))
    s3.put_object(Bucket=bucket, Key="k", Body=LARGE, ServerSideEncryption="AES256")
    (path,) = set(_files(server)) - before
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(failure, match=r"InternalError|IncompleteRead"):
        s3.get_object(Bucket=bucket, Key="k")["Body"].read()
    assert (
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=1000000-1000099")["Body"].read()
        == (LARGE[1_000_000:1_000_100])
    )


def test_sse_s3_is_said_in_answers_and_keeps_the_md5_etag(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256")
    assert put["ServerSideEncryption"] == "AES256"
    assert s3.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "AES256"
    assert put["ETag"] == f'"{hashlib.md5(b"x").hexdigest()}"'


def test_without_asking_nothing_is_said(s3: Any, bucket: str) -> None:
    assert "ServerSideEncryption" not in s3.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_sse_kms_names_its_key_and_hides_the_md5(s3: Any, bucket: str, key: str) -> None:
    wish = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key, "BucketKeyEnabled": True}
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x", **wish)
    assert {name: put[name] for name in wish} == wish
    assert put["ETag"] != f'"{hashlib.md5(b"x").hexdigest()}"'
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["SSEKMSKeyId"], head["ETag"]) == (key, put["ETag"])


def test_checksums_are_of_the_plain_bytes(s3: Any, bucket: str, way: Any) -> None:
    writing, reading = way
    put = s3.put_object(Bucket=bucket, Key="k", Body=LARGE, ChecksumAlgorithm="SHA256", **writing)
    assert put["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(LARGE).digest()).decode()
    found = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED", **reading)
    assert found["ChecksumSHA256"] == put["ChecksumSHA256"]
    assert found["Body"].read() == LARGE


def test_the_bytes_on_the_disk_are_not_the_plain_ones(s3: Any, server: Server, bucket: str, way: Any) -> None:
    before = set(_files(server))
    s3.put_object(Bucket=bucket, Key="k", Body=LARGE, **way[0])
    (path,) = set(_files(server)) - before
    assert LARGE[:256] not in path.read_bytes()


def test_a_customers_key_must_be_brought_again(s3: Any, bucket: str, refused: Refusals) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **CUSTOMER)
    assert refused("get_object", Bucket=bucket, Key="k") == ("InvalidRequest", 400)
    assert refused("get_object", Bucket=bucket, Key="k", **OTHER) == ("AccessDenied", 403)
    assert refused("head_object", Bucket=bucket, Key="k")[1] == 400


def test_a_customers_key_for_another_object_is_refused(s3: Any, bucket: str, refused: Refusals) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refused("get_object", Bucket=bucket, Key="k", **CUSTOMER) == ("InvalidRequest", 400)


def test_a_part_under_another_customers_key_is_refused(s3: Any, bucket: str, refused: Refusals) -> None:
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **CUSTOMER)["UploadId"]
    for wish in ({}, OTHER):
        error = refused("upload_part", **upload, PartNumber=1, Body=b"x", **wish)
        assert error == ("InvalidRequest", 400)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({**CUSTOMER, "SSECustomerKey": b"short"}, "InvalidArgument"),
        (
            {**CUSTOMER, "SSECustomerKey": _KEY_TEXT, "SSECustomerKeyMD5": "AAAAAAAAAAAAAAAAAAAAAA=="},
            "InvalidArgument",
        ),
        ({**CUSTOMER, "SSECustomerAlgorithm": "DES"}, "InvalidEncryptionAlgorithmError"),
        ({**CUSTOMER, "ServerSideEncryption": "AES256"}, "InvalidArgument"),
        ({"SSECustomerAlgorithm": "AES256"}, "InvalidArgument"),
        ({"SSEKMSKeyId": "alias/aws/s3"}, "InvalidArgument"),
        ({"ServerSideEncryption": "AES256", "SSEKMSKeyId": "alias/aws/s3"}, "InvalidArgument"),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/none"}, "KMS.NotFoundException"),
        ({"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": "nonsense"}, "InvalidArgument"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(
    bucket: str, refused: Refusals, wish: dict[str, Any], code: str
) -> None:
    assert refused("put_object", Bucket=bucket, Key="k", Body=b"x", **wish) == (code, 400)


def test_a_disabled_key_closes_its_objects(
    s3: Any, kms: Any, bucket: str, key: str, refused: Refusals
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    kms.disable_key(KeyId=key)
    assert refused("get_object", Bucket=bucket, Key="k") == ("KMS.DisabledException", 400)
    assert s3.head_object(Bucket=bucket, Key="k")["SSEKMSKeyId"] == key
    kms.enable_key(KeyId=key)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_an_object_outlives_the_rotation_of_its_key(s3: Any, kms: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    kms.rotate_key_on_demand(KeyId=key)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_who_may_not_use_the_key_cannot_read_the_object(
    s3: Any, bucket: str, key: str, as_user: User
) -> None:
    all_of_s3 = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    user = as_user(f"reader-{bucket[-8:]}", all_of_s3)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    with pytest.raises(ClientError, match="kms:Decrypt") as denied:
        user.get_object(Bucket=bucket, Key="k")
    assert denied.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        user.put_object(Bucket=bucket, Key="o", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)


def test_the_managed_key_is_for_whoever_may_use_s3(s3: Any, bucket: str, as_user: User) -> None:
    user = as_user(f"any-{bucket[-8:]}", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    user.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms")
    assert user.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_the_encryption_context_names_the_object(s3: Any, bucket: str, key: str, as_user: User) -> None:
    condition = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}/mine"}}
    user = as_user(
        f"context-{bucket[-8:]}",
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": condition},
    )
    wish = {"Body": b"x", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    user.put_object(Bucket=bucket, Key="mine", **wish)
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        user.put_object(Bucket=bucket, Key="other", **wish)


def test_a_context_of_the_clients_own_is_kept(s3: Any, bucket: str) -> None:
    context = base64.b64encode(b'{"team": "red"}').decode()
    wish = {"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": context}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **wish)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize("body", [b"small", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("target", WAYS)
def test_a_copy_is_sealed_as_asked(s3: Any, bucket: str, way: Any, target: str, body: bytes) -> None:
    (writing, reading), (asking, using) = way, WAYS[target]
    s3.put_object(Bucket=bucket, Key="a", Body=body, **writing)
    source = {"CopySource" + name: value for name, value in reading.items()}
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a", **source, **asking)
    assert s3.get_object(Bucket=bucket, Key="b", **using)["Body"].read() == body


def test_a_copy_of_something_encrypted_stays_so(s3: Any, bucket: str, way: Any) -> None:
    writing, reading = way
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", Metadata={"m": "1"}, **writing)
    source = {"CopySource" + name: value for name, value in reading.items()}
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a", **source)
    found = s3.get_object(Bucket=bucket, Key="b")
    assert (found["ServerSideEncryption"], found["Body"].read()) == ("AES256", b"x")
    assert found["Metadata"] == {"m": "1"}


def test_an_object_is_encrypted_in_place(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=LARGE)
    copied = s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", ServerSideEncryption="AES256")
    assert copied["ServerSideEncryption"] == "AES256"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == LARGE


def test_a_slice_of_something_encrypted_becomes_a_part(s3: Any, bucket: str, way: Any) -> None:
    writing, reading = way
    s3.put_object(Bucket=bucket, Key="a", Body=LARGE, **writing)
    upload = {"Bucket": bucket, "Key": "b"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ServerSideEncryption="AES256")["UploadId"]
    source = {"CopySource" + name: value for name, value in reading.items()}
    part = s3.upload_part_copy(
        **upload, PartNumber=1, CopySource=f"{bucket}/a", CopySourceRange="bytes=100-99999", **source
    )
    parts = [{"PartNumber": 1, "ETag": part["CopyPartResult"]["ETag"]}]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="b")["Body"].read() == LARGE[100:100_000]


def test_customers_keys_are_not_in_the_audit_trail(s3: Any, server: Server, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="audited", Body=b"x", **CUSTOMER)
    text = b"".join(file.read_bytes() for file in (server.data_dir / "audit").iterdir())
    assert b'"audited"' in text
    assert base64.b64encode(b"k" * 32) not in text


def test_the_server_can_encrypt_whatever_comes(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"encrypt_objects": true}')
    with Server(tmp_path) as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="all")
        put = s3.put_object(Bucket="all", Key="k", Body=b"x")
        assert put["ServerSideEncryption"] == "AES256"
        assert s3.get_object(Bucket="all", Key="k")["Body"].read() == b"x"


def test_a_buckets_default_encrypts_what_nobody_asks_about(s3: Any, bucket: str, key: str) -> None:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert (put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == (key, True)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_a_request_may_ask_for_another_encryption_than_the_bucket(s3: Any, bucket: str, key: str) -> None:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256")
    assert (put["ServerSideEncryption"], "SSEKMSKeyId" in put) == ("AES256", False)


def test_versions_of_one_name_may_be_sealed_in_different_ways(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    ids = [
        s3.put_object(Bucket=bucket, Key="k", Body=name.encode(), **writing)["VersionId"]
        for name, (writing, _) in WAYS.items()
    ]
    for version, (name, (_, reading)) in zip(ids, WAYS.items(), strict=True):
        found = s3.get_object(Bucket=bucket, Key="k", VersionId=version, **reading)
        assert found["Body"].read() == name.encode()


def test_encryption_outlives_a_restart(tmp_path: Path) -> None:
    with Server(tmp_path, ephemeral=False) as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="kept")
        for name, (writing, _) in WAYS.items():
            s3.put_object(Bucket="kept", Key=name, Body=LARGE, **writing)
        server.kill()
        server.start()
        for name, (_, reading) in WAYS.items():
            assert s3.get_object(Bucket="kept", Key=name, **reading)["Body"].read() == LARGE
