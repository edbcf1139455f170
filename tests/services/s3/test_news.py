"""What a bucket tells, with an unmodified client: each kind of event, to EventBridge and to destinations."""

import datetime
from collections.abc import Callable
from pathlib import Path
from threading import Event as Never
from time import monotonic
from typing import Any

import pytest

from sagesse.testing.server import Server
from tests.services.s3.test_notification import FUNCTION, QUEUE, TOPIC, queue
from tests.services.s3.test_post import post

ACCOUNT = "123456789012"
DEADLINE_S = 60.0
Told = Callable[[int], list[dict[str, Any]]]


def told_of(server: Server, bucket: str, kind: str, count: int) -> list[dict[str, Any]]:
    """The first messages of that kind about a bucket, once there are so many; then there must not be more."""
    end, arn = monotonic() + DEADLINE_S, f"arn:aws:s3:::{bucket}"
    while True:
        messages = [entry[kind] for entry in server.events() if kind in entry]
        found = [one for one in messages if arn in (one["resources"] if kind == "event" else [one["origin"]])]
        if len(found) >= count:
            assert len(found) == count
            return found
        assert monotonic() < end, found
        Never().wait(0.02)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Server(tmp_path_factory.mktemp("news")) as running:
        yield running


@pytest.fixture(scope="module")
def s3(server: Server) -> Any:
    return server.client("s3")


@pytest.fixture
def events(server: Server, s3: Any, bucket: str) -> Told:
    """The events of a bucket that tells EventBridge."""
    configure(s3, bucket, EventBridgeConfiguration={})
    return lambda count: told_of(server, bucket, "event", count)


def configure(s3: Any, bucket: str, **configuration: Any) -> None:
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)


def enable_versions(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def make_parts(s3: Any, bucket: str, key: str) -> dict[str, Any]:
    """A multipart upload completed twice, as by a client that did not hear the first answer."""
    named = {"Bucket": bucket, "Key": key}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    etag = s3.upload_part(**named, PartNumber=1, Body=b"part")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(**named, MultipartUpload=parts)
    return s3.complete_multipart_upload(**named, MultipartUpload=parts)


def test_an_event_has_the_members_that_aws_documents(s3: Any, bucket: str, events: Told) -> None:
    answer = s3.put_object(Bucket=bucket, Key="a b/ü.txt", Body=b"hello")
    (event,) = events(1)
    sequencer = event["detail"]["object"].pop("sequencer")
    assert int(sequencer, 16) > 0
    assert event == {
        "version": "0",
        "id": event["id"],
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": ACCOUNT,
        "time": event["time"],
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": "a b/ü.txt", "size": 5, "etag": answer["ETag"].strip('"')},
            "request-id": answer["ResponseMetadata"]["RequestId"],
            "requester": ACCOUNT,
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        },
    }
    moment = datetime.datetime.strptime(event["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.UTC)
    assert abs((datetime.datetime.now(datetime.UTC) - moment).total_seconds()) < 600


def test_each_way_to_create_an_object_is_told_with_its_reason(s3: Any, bucket: str, events: Told) -> None:
    s3.put_object(Bucket=bucket, Key="put", Body=b"1")
    form = s3.generate_presigned_post(bucket, "post")
    assert post(form["url"], form["fields"])[0] == 204
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/put")
    s3.copy_object(Bucket=bucket, Key="sealed", CopySource=f"{bucket}/put", ServerSideEncryption="AES256")
    make_parts(s3, bucket, "parts")
    told = [(one["detail"]["object"]["key"], one["detail"]["reason"]) for one in events(5)]
    assert told == [
        ("put", "PutObject"),
        ("post", "POST Object"),
        ("copy", "CopyObject"),
        ("sealed", "CopyObject"),
        ("parts", "CompleteMultipartUpload"),
    ]


def test_deletions_are_told_if_there_was_something_to_delete(s3: Any, bucket: str, events: Told) -> None:
    for key in ("a", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "never"}, {"Key": "b"}]})
    told = events(4)[2:]
    assert [one["detail-type"] for one in told] == ["Object Deleted"] * 2
    detail = told[0]["detail"]
    assert detail["object"].keys() == {"key", "sequencer"}
    assert (detail["reason"], detail["deletion-type"]) == ("DeleteObject", "Permanently Deleted")
    assert told[1]["detail"]["object"]["key"] == "b"


def test_versions_and_delete_markers_are_told_by_their_ids(s3: Any, bucket: str, events: Told) -> None:
    enable_versions(s3, bucket)
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    s3.delete_object(Bucket=bucket, Key="k", VersionId=version)
    told = [(one["detail"]["object"]["version-id"], one["detail"].get("deletion-type")) for one in events(4)]
    assert told == [
        (version, None),
        (marker, "Delete Marker Created"),
        (marker, "Permanently Deleted"),
        (version, "Permanently Deleted"),
    ]


def test_sequencers_grow(s3: Any, bucket: str, events: Told) -> None:
    for _ in range(3):
        s3.put_object(Bucket=bucket, Key="k", Body=b"1")
        s3.delete_object(Bucket=bucket, Key="k")
    found = [one["detail"]["object"]["sequencer"] for one in events(6)]
    assert found == sorted(set(found))


def test_tags_and_access_lists_are_told_without_a_sequencer(s3: Any, bucket: str, events: Told) -> None:
    rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"].strip('"')
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    s3.put_object_acl(Bucket=bucket, Key="k", ACL="private")
    told = events(4)[1:]
    assert [one["detail-type"] for one in told] == [
        "Object Tags Added",
        "Object Tags Deleted",
        "Object ACL Updated",
    ]
    assert all(one["detail"]["object"] == {"key": "k", "etag": etag} for one in told)
    assert all("reason" not in one["detail"] for one in told)


def test_what_is_refused_or_goes_to_other_buckets_tells_nothing(s3: Any, bucket: str, events: Told) -> None:
    other = f"{bucket[:40]}-other"
    s3.create_bucket(Bucket=other)
    s3.put_object(Bucket=other, Key="k", Body=b"1")
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    with pytest.raises(s3.exceptions.ClientError):
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
    s3.get_object(Bucket=bucket, Key="k")
    configure(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    configure(s3, bucket, EventBridgeConfiguration={})
    s3.put_object(Bucket=bucket, Key="last", Body=b"3")
    assert [one["detail"]["object"]["key"] for one in events(2)] == ["k", "last"]


def test_a_notification_is_the_record_that_aws_documents(server: Server, s3: Any, bucket: str) -> None:
    configure(s3, bucket, QueueConfigurations=[{**queue("s3:ObjectCreated:Put"), "Id": "mine"}])
    answer = s3.put_object(Bucket=bucket, Key="red flower+/ü.jpg", Body=b"hello")
    (delivery,) = told_of(server, bucket, "delivery", 1)
    assert (delivery["destination"], delivery["source"], delivery["account"]) == (QUEUE, "aws.s3", ACCOUNT)
    (record,) = delivery["body"]["Records"]
    assert int(record["s3"]["object"].pop("sequencer"), 16) > 0
    assert record.pop("eventTime").endswith("Z")
    owner = s3.list_buckets()["Owner"]["ID"]
    meta = answer["ResponseMetadata"]
    assert record == {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": f"AWS:{ACCOUNT}"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": meta["RequestId"], "x-amz-id-2": meta["HostId"]},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "mine",
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": owner},
                "arn": f"arn:aws:s3:::{bucket}",
            },
            "object": {"key": "red+flower%2B/%C3%BC.jpg", "size": 5, "eTag": answer["ETag"].strip('"')},
        },
    }


def test_destinations_get_the_events_and_keys_they_asked_for(server: Server, s3: Any, bucket: str) -> None:
    enable_versions(s3, bucket)
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    configure(
        s3,
        bucket,
        QueueConfigurations=[queue("s3:ObjectCreated:*", prefix="in/", suffix=".txt")],
        TopicConfigurations=[{"TopicArn": TOPIC, "Events": ["s3:ObjectRemoved:DeleteMarkerCreated"]}],
        LambdaFunctionConfigurations=[
            {"LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectTagging:*", "s3:ObjectAcl:Put"]}
        ],
    )
    for key in ("in/a.txt", "in/a.jpg", "out/a.txt"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    s3.copy_object(Bucket=bucket, Key="in/b.txt", CopySource=f"{bucket}/in/a.jpg")
    marker = s3.delete_object(Bucket=bucket, Key="in/a.txt")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="in/a.txt", VersionId=marker)
    s3.put_object_tagging(Bucket=bucket, Key="in/b.txt", Tagging={"TagSet": []})
    s3.put_object_acl(Bucket=bucket, Key="in/b.txt", ACL="private")
    told = [
        (one["destination"], record["eventName"], record["s3"]["object"]["key"], record["eventVersion"])
        for one in told_of(server, bucket, "delivery", 5)
        for record in one["body"]["Records"]
    ]
    assert told == [
        (QUEUE, "ObjectCreated:Put", "in/a.txt", "2.1"),
        (QUEUE, "ObjectCreated:Copy", "in/b.txt", "2.1"),
        (TOPIC, "ObjectRemoved:DeleteMarkerCreated", "in/a.txt", "2.1"),
        (FUNCTION, "ObjectTagging:Put", "in/b.txt", "2.3"),
        (FUNCTION, "ObjectAcl:Put", "in/b.txt", "2.3"),
    ]


def test_retentions_are_told_to_destinations(server: Server, s3: Any, bucket: str) -> None:
    name = f"{bucket[:40]}-lock"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    configure(s3, name, QueueConfigurations=[queue("s3:ObjectRetention:Put")])
    s3.put_object(Bucket=name, Key="k", Body=b"1")
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    s3.put_object_retention(Bucket=name, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    (delivery,) = told_of(server, name, "delivery", 1)
    assert delivery["body"]["Records"][0]["eventName"] == "ObjectRetention:Put"


def test_no_acknowledged_put_is_untold_after_kill_9(tmp_path: Path) -> None:
    with Server(tmp_path, ephemeral=False) as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket="kept")
        configure(s3, "kept", EventBridgeConfiguration={}, QueueConfigurations=[queue("s3:ObjectCreated:*")])
        for number in range(20):
            s3.put_object(Bucket="kept", Key=f"k{number}", Body=b"1")
        server.kill()
        server.start()
        told = told_of(server, "kept", "event", 20)
        assert [one["detail"]["object"]["key"] for one in told] == [f"k{number}" for number in range(20)]
        assert len(told_of(server, "kept", "delivery", 20)) == 20
