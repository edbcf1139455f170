"""The two forms in which S3 tells of a change: EventBridge's event, and the ``Records`` of notifications."""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from sagesse.core.event import Delivery, Event, event_time, new_event
from sagesse.core.identifier import host_id, new_request_id
from sagesse.core.scope import Scope, canonical_id, partition
from sagesse.engines.objects.base import Bucket, Change
from sagesse.services.s3._notification import Listener

_EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"
_DETAIL_TYPES = {  # the first part of the event's name, or all of it
    "ObjectCreated": "Object Created",
    "ObjectRemoved": "Object Deleted",
    "LifecycleExpiration": "Object Deleted",
    "ObjectTagging:Put": "Object Tags Added",
    "ObjectTagging:Delete": "Object Tags Deleted",
    "ObjectAcl:Put": "Object ACL Updated",
}
_ORDERED = frozenset({"ObjectCreated", "ObjectRemoved"})  # these and deletions have a sequencer


class Caller(NamedTuple):
    """Who caused it: `requester` an account or a service, `source_ip` empty when S3 did it by itself."""

    request_id: str
    requester: str
    principal_id: str
    source_ip: str


class Happening(NamedTuple):
    """A change, what it is called, and who caused it when. `event` is S3's name without ``s3:``."""

    bucket: Bucket
    change: Change
    event: str
    reason: str
    caller: Caller
    now: float

    @property
    def version(self) -> str | None:
        """The version as it is shown: none in a bucket that never had versions."""
        change = self.change
        version = change.info.version if change.info is not None else change.version
        return version if self.bucket.versioning else None

    @property
    def sequencer(self) -> str:
        """Orders the changes of one key as texts do; empty where S3 gives none."""
        has_order = self.change.info is None or self.event.partition(":")[0] in _ORDERED
        return f"{self.change.sequence:018X}" if has_order else ""


def event(happening: Happening) -> Event | None:
    """The event for EventBridge, which does not know of all that notifications know."""
    bucket, caller = happening.bucket, happening.caller
    first = happening.event.partition(":")[0]
    detail_type = _DETAIL_TYPES.get(happening.event) or _DETAIL_TYPES.get(first)
    if detail_type is None:
        return None
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": _object(happening),
        "request-id": caller.request_id,
        "requester": caller.requester,
    }
    if caller.source_ip:
        detail["source-ip-address"] = caller.source_ip
    if happening.reason:
        detail["reason"] = happening.reason
    if happening.change.info is None:
        is_marker = happening.change.is_new_marker
        detail["deletion-type"] = "Delete Marker Created" if is_marker else "Permanently Deleted"
    scope = Scope(bucket.account, bucket.region)
    return new_event("aws.s3", detail_type, scope, [bucket_arn(bucket)], detail, happening.now)


def delivery(happening: Happening, listener: Listener) -> Delivery:
    """The notification for one destination."""
    bucket = happening.bucket
    return Delivery(
        id=new_request_id(),
        source="aws.s3",
        destination=listener.destination,
        account=bucket.account,
        region=bucket.region,
        time=event_time(happening.now),
        origin=bucket_arn(bucket),
        body={"Records": [_record(happening, listener.id)]},
    )


def bucket_arn(bucket: Bucket) -> str:
    """The ARN of a bucket."""
    return f"arn:{partition(bucket.region)}:s3:::{bucket.name}"


def _object(happening: Happening) -> dict[str, Any]:
    change = happening.change
    found: dict[str, Any] = {"key": change.key}
    if change.info is not None:
        if happening.event.startswith("ObjectCreated:"):
            found["size"] = change.info.size_bytes
        found["etag"] = change.info.etag
    elif change.is_new_marker:
        found["etag"] = _EMPTY_MD5
    if happening.version is not None:
        found["version-id"] = happening.version
    if happening.sequencer:
        found["sequencer"] = happening.sequencer
    return found


def _record(happening: Happening, configuration_id: str) -> dict[str, Any]:
    bucket, caller = happening.bucket, happening.caller
    is_old = happening.event.partition(":")[0] in _ORDERED
    moment = datetime.fromtimestamp(happening.now, UTC).isoformat(timespec="milliseconds")
    return {
        "eventVersion": "2.1" if is_old else "2.3",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": moment.replace("+00:00", "Z"),
        "eventName": happening.event,
        "userIdentity": {"principalId": caller.principal_id},
        "requestParameters": {"sourceIPAddress": caller.source_ip or caller.requester},
        "responseElements": {
            "x-amz-request-id": caller.request_id,
            "x-amz-id-2": host_id(caller.request_id),
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": canonical_id(bucket.account)},
                "arn": bucket_arn(bucket),
            },
            "object": _record_object(happening),
        },
    }


def _record_object(happening: Happening) -> dict[str, Any]:
    """The object in a record: its key URL-encoded, other spellings of the members than EventBridge's."""
    spelled = {"etag": "eTag", "version-id": "versionId"}
    found = {spelled.get(name, name): value for name, value in _object(happening).items()}
    return {**found, "key": quote_plus(happening.change.key, safe="/")}
