from typing import Any

import pytest

from tests.services.s3.conftest import Refusals


def encrypt(default: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": default, **more}]}


def test_the_default_encryption_is_what_was_put(s3: Any, bucket: str) -> None:
    def shown() -> dict[str, Any]:
        return s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]

    with pytest.raises(s3.exceptions.ClientError, match="ServerSideEncryptionConfigurationNotFoundError"):
        shown()
    wish = encrypt({"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/a"}, BucketKeyEnabled=True)
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=wish)
    assert shown() == wish
    s3.delete_bucket_encryption(Bucket=bucket)
    with pytest.raises(s3.exceptions.ClientError, match="ServerSideEncryptionConfigurationNotFoundError"):
        shown()


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"Rules": []}, "MalformedXML"),
        ({"Rules": [{"BucketKeyEnabled": True}]}, "MalformedXML"),
        (encrypt({"SSEAlgorithm": "aws:kms:dsse"}), "NotImplemented"),
        (encrypt({"SSEAlgorithm": "ROT13"}), "MalformedXML"),
        (encrypt({"SSEAlgorithm": "AES256", "KMSMasterKeyID": "k"}), "InvalidArgument"),
    ],
)
def test_a_wrong_default_encryption_is_refused(
    bucket: str, refused: Refusals, wish: dict[str, Any], code: str
) -> None:
    error = refused("put_bucket_encryption", Bucket=bucket, ServerSideEncryptionConfiguration=wish)
    assert error[0] == code


def test_logging_goes_to_a_bucket_that_is_there(s3: Any, bucket: str, refused: Refusals) -> None:
    def put(target: str) -> dict[str, Any]:
        wish = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "log/"}}
        return {"Bucket": bucket, "BucketLoggingStatus": wish}

    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    assert refused("put_bucket_logging", **put("no-such-bucket")) == ("InvalidTargetBucketForLogging", 400)
    s3.put_bucket_logging(**put(bucket))
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]["TargetPrefix"] == "log/"
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)


def test_the_payer_is_kept(s3: Any, bucket: str, refused: Refusals) -> None:
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"


def test_a_website_is_kept(s3: Any, bucket: str, refused: Refusals) -> None:
    assert refused("get_bucket_website", Bucket=bucket) == ("NoSuchWebsiteConfiguration", 404)
    wish = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=wish)
    shown = s3.get_bucket_website(Bucket=bucket)
    assert {member: shown[member] for member in wish} == wish
    s3.delete_bucket_website(Bucket=bucket)
    assert refused("get_bucket_website", Bucket=bucket) == ("NoSuchWebsiteConfiguration", 404)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({}, "InvalidArgument"),
        ({"IndexDocument": {"Suffix": "a/b"}}, "InvalidArgument"),
        ({"IndexDocument": {"Suffix": "i"}, "RedirectAllRequestsTo": {"HostName": "h"}}, "MalformedXML"),
        ({"RedirectAllRequestsTo": {"HostName": "h", "Protocol": "ftp"}}, "InvalidRequest"),
        (
            {"IndexDocument": {"Suffix": "i"}, "RoutingRules": [{"Redirect": {"Protocol": "ftp"}}]},
            "InvalidRequest",
        ),
        (
            {"IndexDocument": {"Suffix": "i"}, "RoutingRules": [{"Redirect": {"HttpRedirectCode": "200"}}]},
            "InvalidArgument",
        ),
    ],
)
def test_a_wrong_website_is_refused(bucket: str, refused: Refusals, wish: dict[str, Any], code: str) -> None:
    assert refused("put_bucket_website", Bucket=bucket, WebsiteConfiguration=wish) == (code, 400)
