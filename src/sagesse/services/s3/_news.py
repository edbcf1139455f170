"""What a write tells: for each change the messages to EventBridge and to the destinations of a bucket's notifications.

They are made inside the transaction of the write; a bucket without a configuration has nothing to tell.
"""

from collections.abc import Sequence

import msgspec

from sagesse.core.call import Context
from sagesse.core.event import Message
from sagesse.engines.objects.base import Bucket, Change, Tell
from sagesse.services.s3._message import Caller, Happening, delivery, event
from sagesse.services.s3._notification import EVENT_BRIDGE, listeners
from sagesse.services.s3._setting import NOTIFICATION

SERVICE = "s3.amazonaws.com"


class Cause(msgspec.Struct, frozen=True):
    """Why objects change.

    Args:
        event: S3's name of what happens ("ObjectCreated:Put"); of a deletion only the first part.
        reason: EventBridge's word for the request; not every event has one.
    """

    event: str
    reason: str = ""


PUT = Cause("ObjectCreated:Put", "PutObject")
POST = Cause("ObjectCreated:Post", "POST Object")
COPY = Cause("ObjectCreated:Copy", "CopyObject")
COMPLETE = Cause("ObjectCreated:CompleteMultipartUpload", "CompleteMultipartUpload")
DELETE = Cause("ObjectRemoved", "DeleteObject")
EXPIRE = Cause("LifecycleExpiration", "Lifecycle Expiration")
TAG = Cause("ObjectTagging:Put")
UNTAG = Cause("ObjectTagging:Delete")
LIST_ACCESS = Cause("ObjectAcl:Put")
RETAIN = Cause("ObjectRetention:Put")


def caller_of(ctx: Context) -> Caller:
    """Who makes a call, as events name him."""
    principal = ctx.principal
    is_service = principal.kind == "service"
    return Caller(
        request_id=ctx.request_id,
        requester=principal.name if is_service else principal.account or "anonymous",
        principal_id=principal.name if is_service else f"AWS:{principal.id or 'anonymous'}",
        source_ip=ctx.source_ip,
    )


def news(bucket: Bucket, cause: Cause, caller: Caller, now: float) -> Tell | None:
    """What makes the messages about changes in a bucket; None where nobody is told."""
    configuration = bucket.settings.get(NOTIFICATION)
    if configuration is None:
        return None

    def tell(change: Change) -> Sequence[Message]:
        happening = Happening(bucket, change, _name(cause, change), cause.reason, caller, now)
        messages: list[Message] = [
            delivery(happening, listener)
            for listener in listeners(configuration, f"s3:{happening.event}", change.key)
        ]
        if EVENT_BRIDGE in configuration and (told := event(happening)) is not None:
            messages.append(told)
        return messages

    return tell


def _name(cause: Cause, change: Change) -> str:
    if change.info is not None:
        return cause.event
    return f"{cause.event}:{'DeleteMarkerCreated' if change.is_new_marker else 'Delete'}"
