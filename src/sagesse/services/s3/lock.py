"""Object lock: versions that nobody deletes before their time."""

from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.service import Params, Result
from sagesse.engines.objects.base import Lock, ObjectInfo
from sagesse.services.s3._error import malformed_xml, not_implemented
from sagesse.services.s3._family import Family, Place
from sagesse.services.s3._lock import future, lock_mode, no_lock, require_lock
from sagesse.services.s3._news import RETAIN
from sagesse.services.s3._setting import LOCK
from sagesse.services.s3._version import version_of

_MOST = {"Days": 36_500, "Years": 100}


class Locks(Family):
    """A bucket's default retention, and the retention and legal hold of a version."""

    async def put_object_lock_configuration(self, ctx: Context, req: Params) -> Result:
        """Turn locks on, for good, and set or drop the default retention."""
        bucket = self._bucket(req)
        wish: dict[str, Any] = req.get("ObjectLockConfiguration") or {}
        if wish.get("ObjectLockEnabled") != "Enabled":
            raise malformed_xml()
        default = _default(wish["Rule"]) if "Rule" in wish else None
        await self._objects.lock_bucket(bucket.name)
        await self._objects.configure_bucket(bucket.name, LOCK, default)
        return None

    async def get_object_lock_configuration(self, ctx: Context, req: Params) -> Result:
        """Whether locks are on, and the default retention."""
        bucket = self._bucket(req)
        if not bucket.has_lock:
            raise ServiceError(
                "ObjectLockConfigurationNotFoundError",
                "Object Lock configuration does not exist for this bucket",
                status=404,
                fields={"BucketName": bucket.name},
            )
        configuration: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
        if LOCK in bucket.settings:
            configuration["Rule"] = {"DefaultRetention": bucket.settings[LOCK]}
        return {"ObjectLockConfiguration": configuration}

    async def put_object_retention(self, ctx: Context, req: Params) -> Result:
        """Retain a version, or change how long."""
        bucket, address = self._locked(req)
        wish: dict[str, Any] = req.get("Retention") or {}
        for member in ("EventHold", "EventHoldDuration"):
            if member in wish:
                raise not_implemented(f"Retention.{member}", wish[member])
        mode, until = lock_mode(wish.get("Mode")), wish.get("RetainUntilDate")
        if wish and (mode is None or until is None):
            raise malformed_xml()
        await self._objects.retain(
            address,
            Lock(mode=mode or "", until=0.0 if until is None else future(until, ctx.now())),
            version=version_of(req),
            bypasses_governance=bool(req.get("BypassGovernanceRetention")),
            tell=self._tell(ctx, bucket, RETAIN),
        )
        return None

    async def get_object_retention(self, ctx: Context, req: Params) -> Result:
        """How long a version is retained."""
        lock = (await self._info(req)).attributes.lock
        if lock is None or not lock.mode:
            raise no_lock()
        return {"Retention": {"Mode": lock.mode, "RetainUntilDate": lock.until}}

    async def put_object_legal_hold(self, ctx: Context, req: Params) -> Result:
        """Put a legal hold on a version, or take it off."""
        _, address = self._locked(req)
        wish: dict[str, Any] = req.get("LegalHold") or {}
        status = wish.get("Status")
        if status not in {"ON", "OFF"}:
            raise malformed_xml()
        await self._objects.hold(address, status == "ON", version=version_of(req))
        return None

    async def get_object_legal_hold(self, ctx: Context, req: Params) -> Result:
        """Whether a version is under a legal hold."""
        lock = (await self._info(req)).attributes.lock
        if lock is None or lock.has_legal_hold is None:
            raise no_lock()
        return {"LegalHold": {"Status": "ON" if lock.has_legal_hold else "OFF"}}

    def _locked(self, req: Params) -> Place:
        """The object a call names, in a bucket with locks."""
        place = self._place(req)
        require_lock(place.bucket)
        return place

    async def _info(self, req: Params) -> ObjectInfo:
        return (await self._objects.get(self._locked(req).address, version_of(req))).info


def _default(rule: dict[str, Any]) -> dict[str, Any]:
    """The default retention of a rule.

    Raises:
        ServiceError: MalformedXML, InvalidRetentionPeriod.
    """
    wish: dict[str, Any] = (rule or {}).get("DefaultRetention") or {}
    if "DefaultEventHold" in wish:
        raise not_implemented("DefaultRetention.DefaultEventHold", wish["DefaultEventHold"])
    periods = {unit: int(wish[unit]) for unit in _MOST if wish.get(unit) is not None}
    mode = lock_mode(wish.get("Mode"))
    if mode is None or len(periods) != 1:
        raise malformed_xml()
    ((unit, length),) = periods.items()
    if not 1 <= length <= _MOST[unit]:
        message = (
            "Default retention period must be a positive integer value."
            if length < 1
            else "Default retention period too large"
        )
        raise ServiceError("InvalidRetentionPeriod", message, status=400)
    return {"Mode": mode, **periods}
