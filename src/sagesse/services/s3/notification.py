"""Event notifications of buckets: who is told what. What is told is made in `_news`."""

from typing import Any

from sagesse.core.call import Context
from sagesse.core.service import Params, Result
from sagesse.services.s3._family import Family
from sagesse.services.s3._notification import checked
from sagesse.services.s3._setting import NOTIFICATION


class Notifications(Family):
    """The one notification configuration of a bucket."""

    async def get_bucket_notification_configuration(self, ctx: Context, req: Params) -> Result:
        """What is told to whom."""
        return self._bucket(req).settings.get(NOTIFICATION, {})

    async def put_bucket_notification_configuration(self, ctx: Context, req: Params) -> Result:
        """Replace what is told to whom; destinations are not asked, for none exists yet."""
        bucket = self._bucket(req)
        wish: dict[str, Any] = req["NotificationConfiguration"]
        await self._objects.configure_bucket(bucket.name, NOTIFICATION, checked(wish, bucket.region) or None)
        return None
