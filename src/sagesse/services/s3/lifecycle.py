"""Lifecycle configurations of buckets; `_expiry` applies them."""

from typing import Any

import orjson

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.service import Params, Result
from sagesse.services.s3._error import invalid_argument
from sagesse.services.s3._family import Family
from sagesse.services.s3._lifecycle_check import checked_rules
from sagesse.services.s3._setting import LIFECYCLE

_MINIMUM = "TransitionDefaultMinimumObjectSize"
_MINIMA = ("all_storage_classes_128K", "varies_by_storage_class")


class Lifecycles(Family):
    """PutBucketLifecycleConfiguration, GetBucketLifecycleConfiguration, DeleteBucketLifecycle."""

    async def put_bucket_lifecycle_configuration(self, ctx: Context, req: Params) -> Result:
        """Replace the rules."""
        bucket = self._bucket(req)
        minimum = req.get(_MINIMUM, _MINIMA[0])
        if minimum not in _MINIMA:
            name = "x-amz-transition-default-minimum-object-size"
            raise invalid_argument("Invalid TransitionDefaultMinimumObjectSize found", name, minimum)
        kept = {"Rules": checked_rules(req.get("LifecycleConfiguration") or {}), _MINIMUM: minimum}
        await self._objects.configure_bucket(bucket.name, LIFECYCLE, orjson.dumps(kept).decode())
        return {_MINIMUM: minimum}

    async def get_bucket_lifecycle_configuration(self, ctx: Context, req: Params) -> Result:
        """The rules."""
        bucket = self._bucket(req)
        text: str | None = bucket.settings.get(LIFECYCLE)
        if text is None:
            raise ServiceError(
                "NoSuchLifecycleConfiguration",
                "The lifecycle configuration does not exist",
                status=404,
                fields={"BucketName": bucket.name},
            )
        kept: dict[str, Any] = orjson.loads(text)
        return kept

    async def delete_bucket_lifecycle(self, ctx: Context, req: Params) -> Result:
        """Drop the rules."""
        bucket = self._bucket(req)
        await self._objects.configure_bucket(bucket.name, LIFECYCLE, None)
        return None
