"""Object locks between the members of requests and responses and the store's words."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sagesse.core.error import ServiceError
from sagesse.core.service import Params
from sagesse.engines.objects.base import Bucket, Lock, LockMode
from sagesse.engines.objects.error import invalid_request
from sagesse.services.s3._error import invalid_argument
from sagesse.services.s3._setting import LOCK

_DAY_S = 86_400
_MEMBERS = frozenset({"ObjectLockMode", "ObjectLockRetainUntilDate", "ObjectLockLegalHoldStatus"})


def lock_mode(mode: Any) -> LockMode | None:
    """A mode, or None: it is none."""
    match mode:
        case "GOVERNANCE":
            return "GOVERNANCE"
        case "COMPLIANCE":
            return "COMPLIANCE"
        case _:
            return None


def lock_of(req: Params, bucket: Bucket, now: float) -> Lock | None:
    """The lock of a new version: what the request says, else the bucket's default.

    Raises:
        ServiceError: InvalidRequest for a bucket without locks, InvalidArgument.
    """
    if _MEMBERS.isdisjoint(req):
        return _default(bucket, now) if bucket.has_lock else None
    require_lock(bucket)
    hold = req.get("ObjectLockLegalHoldStatus")
    if hold not in {None, "ON", "OFF"}:
        raise invalid_argument(
            "Legal Hold must be either of 'ON' or 'OFF'", "x-amz-object-lock-legal-hold", hold
        )
    has_hold = None if hold is None else hold == "ON"
    mode, until = req.get("ObjectLockMode"), req.get("ObjectLockRetainUntilDate")
    if mode is None and until is None:
        kept = _default(bucket, now) or Lock()
        return Lock(mode=kept.mode, until=kept.until, has_legal_hold=has_hold)
    if mode is None or until is None:
        message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
        raise invalid_argument(message, "x-amz-object-lock-mode", mode)
    known = lock_mode(mode)
    if known is None:
        raise invalid_argument("Unknown wormMode directive.", "x-amz-object-lock-mode", mode)
    return Lock(mode=known, until=future(until, now), has_legal_hold=has_hold)


def future(until: Any, now: float) -> float:
    """A date to retain until.

    Raises:
        ServiceError: InvalidArgument when it has passed.
    """
    if float(until) <= now:
        message = "The retain until date must be in the future!"
        shown = datetime.fromtimestamp(float(until), UTC).isoformat()
        raise invalid_argument(message, "x-amz-object-lock-retain-until-date", shown)
    return float(until)


def require_lock(bucket: Bucket) -> None:
    """Refuse locks in a bucket without them.

    Raises:
        ServiceError: InvalidRequest.
    """
    if not bucket.has_lock:
        raise invalid_request("Bucket is missing Object Lock Configuration")


def no_lock() -> ServiceError:
    """The object has none."""
    return ServiceError(
        "NoSuchObjectLockConfiguration",
        "The specified object does not have a ObjectLock configuration",
        status=404,
    )


def lock_members(lock: Lock) -> dict[str, Any]:
    """What GET and HEAD say of an object's lock."""
    members: dict[str, Any] = {}
    if lock.mode:
        members |= {"ObjectLockMode": lock.mode, "ObjectLockRetainUntilDate": lock.until}
    if lock.has_legal_hold is not None:
        members["ObjectLockLegalHoldStatus"] = "ON" if lock.has_legal_hold else "OFF"
    return members


def _default(bucket: Bucket, now: float) -> Lock | None:
    rule: Mapping[str, Any] | None = bucket.settings.get(LOCK)
    mode = lock_mode(rule["Mode"]) if rule else None
    if rule is None or mode is None:
        return None
    days = int(rule.get("Days") or 0) + 365 * int(rule.get("Years") or 0)
    return Lock(mode=mode, until=float(int(now) + days * _DAY_S))
