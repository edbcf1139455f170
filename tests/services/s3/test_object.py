import base64
import hashlib
import io
import os
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPConnection
from typing import Any
from urllib.request import Request, urlopen

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from sagesse.testing.server import Server
from tests.services.s3.conftest import Refusals

WRONG_CRC32 = base64.b64encode(bytes(4)).decode()
WRONG_MD5 = base64.b64encode(bytes(16)).decode()


def test_a_file_follows_an_empty_one_on_its_connection(server: Server, bucket: str) -> None:
    settings = Config(max_pool_connections=1, read_timeout=5, retries={"max_attempts": 0})
    client = server.client("s3", config=settings)
    for body in (b"", b"x", b"", b"y"):
        client.upload_fileobj(io.BytesIO(body), bucket, "k", Config=TransferConfig(use_threads=False))
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"y"


def test_what_is_put_comes_back(s3: Any, bucket: str) -> None:
    for size in (0, 1, 65_536, 65_537, 1_500_000):
        body = os.urandom(size)
        etag = s3.put_object(Bucket=bucket, Key="k", Body=body)["ETag"]
        found = s3.get_object(Bucket=bucket, Key="k")
        assert found["Body"].read() == body
        assert (found["ETag"], found["ContentLength"]) == (etag, size)
        assert etag == f'"{hashlib.md5(body).hexdigest()}"'


@pytest.mark.parametrize("key", ["a b+c", "é/ü", "a//b", "/lead", "..", "%41", "?x=1&y", "😀", "x" * 1024])
def test_any_key_is_possible(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


def test_a_key_that_is_too_long_is_refused(bucket: str, refused: Refusals) -> None:
    assert refused("put_object", Bucket=bucket, Key="é" * 513) == ("KeyTooLongError", 400)


def test_attributes_come_back(s3: Any, bucket: str) -> None:
    sent = {
        "ContentType": "text/x",
        "CacheControl": "no-store",
        "ContentDisposition": "inline",
        "ContentLanguage": "fr",
        "Metadata": {"color": "red"},
    }
    s3.put_object(Bucket=bucket, Key="k", Body=b"", ContentEncoding="gzip", Tagging="a=1&b=2", **sent)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert {name: head[name] for name in sent} == sent
    assert (head["ContentEncoding"], head["AcceptRanges"]) == ("gzip", "bytes")
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 2


def test_the_response_may_be_dressed_up(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    found = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="a/b", ResponseCacheControl="no-cache")
    assert (found["ContentType"], found["CacheControl"]) == ("a/b", "no-cache")
    expires = datetime(2030, 1, 1, tzinfo=UTC)
    answer = s3.get_object(Bucket=bucket, Key="k", ResponseExpires=expires)
    answer["Body"].read()  # else the connection is left open
    assert answer["Expires"] == expires


def test_slices_come_back(s3: Any, bucket: str) -> None:
    for size in (1_000, 200_000):
        body = os.urandom(size)
        s3.put_object(Bucket=bucket, Key="k", Body=body)
        for header, want in {"bytes=0-9": body[:10], "bytes=990-": body[990:], "bytes=-5": body[-5:]}.items():
            found = s3.get_object(Bucket=bucket, Key="k", Range=header)
            assert found["Body"].read() == want
            assert found["ContentRange"].endswith(f"/{size}")


def test_a_range_behind_the_end_is_refused(s3: Any, bucket: str, refused: Refusals) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345")
    error = refused.error("get_object", Bucket=bucket, Key="k", Range="bytes=5-")
    assert (error["Error"]["Code"], error["Error"]["ActualObjectSize"]) == ("InvalidRange", "5")
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 416


def test_missing_objects_are_refused(bucket: str, refused: Refusals) -> None:
    error = refused.error("get_object", Bucket=bucket, Key="no/such")["Error"]
    assert (error["Code"], error["Key"]) == ("NoSuchKey", "no/such")
    assert refused("head_object", Bucket=bucket, Key="k") == ("404", 404)


def test_conditions_on_reads(s3: Any, bucket: str, refused: Refusals) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    named = {"Bucket": bucket, "Key": "k"}
    assert s3.get_object(**named, IfMatch=etag, IfUnmodifiedSince=modified)["ETag"] == etag
    assert refused("get_object", **named, IfMatch='"other"') == ("PreconditionFailed", 412)
    assert refused("get_object", **named, IfNoneMatch=etag) == ("304", 304)
    assert refused("head_object", **named, IfModifiedSince=modified) == ("304", 304)


def test_conditions_on_writes(s3: Any, bucket: str, refused: Refusals) -> None:
    named = {"Bucket": bucket, "Key": "k"}
    assert refused("put_object", **named, Body=b"", IfMatch='"x"') == ("NoSuchKey", 404)
    etag = s3.put_object(**named, Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused("put_object", **named, Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert refused("put_object", **named, Body=b"2", IfMatch='"x"') == ("PreconditionFailed", 412)
    assert refused("delete_object", **named, IfMatch='"x"') == ("PreconditionFailed", 412)
    s3.put_object(**named, Body=b"2", IfMatch=etag)
    assert s3.get_object(**named)["Body"].read() == b"2"


def test_wrong_digests_are_refused(s3: Any, bucket: str, refused: Refusals) -> None:
    for body in (b"small", bytes(300_000)):
        named = {"Bucket": bucket, "Key": "k", "Body": body}
        assert refused("put_object", **named, ContentMD5=WRONG_MD5) == ("BadDigest", 400)
        assert refused("put_object", **named, ContentMD5="wrong") == ("InvalidDigest", 400)
        assert refused("put_object", **named, ChecksumCRC32=WRONG_CRC32) == ("BadDigest", 400)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_of_boto3_are_verified_and_kept(s3: Any, bucket: str, algorithm: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm=algorithm)
    found = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert found[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert found["ChecksumType"] == "FULL_OBJECT"


@pytest.mark.parametrize(
    "wish",
    [
        {"ServerSideEncryption": "aws:kms:dsse"},
        {"StorageClass": "GLACIER"},
    ],
)
def test_what_cannot_be_done_is_refused(bucket: str, refused: Refusals, wish: dict[str, Any]) -> None:
    assert refused("put_object", Bucket=bucket, Key="k", Body=b"", **wish) == ("NotImplemented", 501)


def test_a_storage_class_is_kept(s3: Any, bucket: str) -> None:
    wish = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**wish, Body=b"x", StorageClass="STANDARD_IA")
    assert s3.head_object(**wish)["StorageClass"] == "STANDARD_IA"
    assert (
        s3.get_object_attributes(**wish, ObjectAttributes=["StorageClass"])["StorageClass"] == "STANDARD_IA"
    )
    for listing in ("list_objects", "list_objects_v2"):
        assert getattr(s3, listing)(Bucket=bucket)["Contents"][0]["StorageClass"] == "STANDARD_IA"
    assert s3.list_object_versions(Bucket=bucket)["Versions"][0]["StorageClass"] == "STANDARD_IA"
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=wish)
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="copy")
    s3.copy_object(**wish, CopySource=wish, StorageClass="INTELLIGENT_TIERING")
    assert s3.head_object(**wish)["StorageClass"] == "INTELLIGENT_TIERING"


def test_an_upload_has_the_storage_class_it_began_with(s3: Any, bucket: str) -> None:
    wish = {"Bucket": bucket, "Key": "k"}
    upload = s3.create_multipart_upload(**wish, StorageClass="GLACIER_IR")["UploadId"]
    assert s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["StorageClass"] == "GLACIER_IR"
    assert s3.list_parts(**wish, UploadId=upload)["StorageClass"] == "GLACIER_IR"
    etag = s3.upload_part(**wish, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(**wish, UploadId=upload, MultipartUpload=parts)
    assert s3.head_object(**wish)["StorageClass"] == "GLACIER_IR"


def test_what_does_not_exist_is_refused(bucket: str, refused: Refusals) -> None:
    wish = {"Bucket": bucket, "Key": "k", "Body": b""}
    assert refused("put_object", **wish, StorageClass="PAPER") == ("InvalidStorageClass", 400)
    assert refused("put_object", **wish, ServerSideEncryption="ROT13") == ("InvalidArgument", 400)


def test_an_acl_for_others_is_refused(s3: Any, bucket: str, refused: Refusals) -> None:
    error = refused("put_object", Bucket=bucket, Key="k", ACL="public-read")
    assert error == ("AccessControlListNotSupported", 400)
    s3.put_object(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")


def test_deleting_many_says_what_happened(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="kept", Body=b"1")["ETag"]
    s3.put_object(Bucket=bucket, Key="gone", Body=b"2")
    wish = [{"Key": "gone"}, {"Key": "never"}, {"Key": "kept", "ETag": '"other"'}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": wish})
    assert [entry["Key"] for entry in answer["Deleted"]] == ["gone", "never"]
    assert [(entry["Key"], entry["Code"]) for entry in answer["Errors"]] == [("kept", "PreconditionFailed")]
    quiet = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "kept", "ETag": etag}], "Quiet": True}
    )
    assert "Deleted" not in quiet
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_attributes_are_answered_as_asked(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm="SHA256")
    found = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "ObjectParts"]
    )
    assert (f'"{found["ETag"]}"', found["ObjectSize"]) == (put["ETag"], 5)
    assert found["Checksum"]["ChecksumSHA256"] == put["ChecksumSHA256"]
    assert "ObjectParts" not in found
    assert "StorageClass" not in found


def test_the_transfer_manager_moves_large_files_with_threads(s3: Any, bucket: str) -> None:
    body = os.urandom(21 << 20)
    config = TransferConfig(max_concurrency=8)
    s3.upload_fileobj(io.BytesIO(body), bucket, "big", Config=config)
    arrived = io.BytesIO()
    s3.download_fileobj(bucket, "big", arrived, Config=config)
    assert arrived.getvalue() == body
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-3"')


@pytest.mark.parametrize(("crc", "code"), [("NhCmhg==", 200), (WRONG_CRC32, 400)])
def test_a_trailing_checksum_counts(server: Server, s3: Any, bucket: str, crc: str, code: int) -> None:
    # An unknown access key is taken by an ephemeral server, so the request may be made by hand.
    day = datetime.now(UTC).strftime("%Y%m%d")
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential=AKIAX/{day}/us-east-1/s3/aws4_request, "
        f"SignedHeaders=host, Signature={'0' * 64}",
        "x-amz-date": f"{day}T000000Z",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "5",
        "x-amz-trailer": "x-amz-checksum-crc32",
        "content-encoding": "aws-chunked",
    }
    body = f"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n".encode()
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("PUT", f"/{bucket}/k", body=body, headers=headers)
    assert connection.getresponse().status == code
    connection.close()
    if code == 200:
        found = s3.get_object(Bucket=bucket, Key="k")
        assert found["Body"].read() == b"hello"
        assert "ContentEncoding" not in found
    else:
        assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_presigned_url_needs_no_client(bucket: str, server: Server) -> None:
    # Without s3v4, boto3 presigns for us-east-1 with version 2 of the signature, which is refused.
    s3 = server.client("s3", config=Config(signature_version="s3v4"))
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b"})
    with urlopen(Request(put, data=b"hello", method="PUT")) as answer:
        assert answer.status == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b"})
    with urlopen(get) as answer:
        assert answer.read() == b"hello"


def test_a_document_that_is_not_what_the_client_hashed_changes_nothing(
    s3: Any, bucket: str, server: Server
) -> None:
    wrong = server.client("s3")
    digests = {"Content-MD5": WRONG_MD5, "x-amz-checksum-crc32": WRONG_CRC32}
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    def spoil(header: str, request: Any, **_: Any) -> None:
        for name in digests:
            if name in request.headers:
                del request.headers[name]
        request.headers[header] = digests[header]

    for header in digests:
        handler = partial(spoil, header)
        wrong.meta.events.register_last("before-sign.s3.*", handler)
        refused = Refusals(wrong)
        wish = {"Objects": [{"Key": "k"}]}
        assert refused("delete_objects", Bucket=bucket, Delete=wish) == ("BadDigest", 400)
        status = {"Status": "Enabled"}
        assert refused("put_bucket_versioning", Bucket=bucket, VersioningConfiguration=status) == (
            "BadDigest",
            400,
        )
        wrong.meta.events.unregister("before-sign.s3.*", handler)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
