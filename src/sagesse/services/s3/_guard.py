"""What buckets say of their callers: the authorizer's view of bucket policies."""

from sagesse.core.policy import Facts, Guard, compile_policy
from sagesse.core.principal import Principal
from sagesse.core.service import Grant
from sagesse.engines.objects import ObjectStore
from sagesse.services.s3._public import is_public
from sagesse.services.s3._setting import POLICY, public_access_of

# The account's root can always take back a policy that shuts everybody out.
_NEVER_SHUT = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})


class BucketGuards:
    """Implements `core.policy.ResourcePolicies` for buckets; a bucket without a policy costs one look into memory.

    Args:
        objects: where buckets and their settings are kept.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def find(self, principal: Principal, grant: Grant) -> Guard | None:
        """See `ResourcePolicies.find`."""
        if not grant.action.startswith("s3:") or grant.action == "s3:CreateBucket":
            return None
        name = grant.resource.partition(":::")[2].partition("/")[0]
        bucket = self._objects.find_bucket(name) if name else None
        if bucket is None:
            return None
        policy = bucket.settings.get(POLICY)
        if policy is None:
            return Guard(bucket.account)
        is_own = principal.account == bucket.account
        if is_own and principal.kind == "root" and grant.action in _NEVER_SHUT:
            return Guard(bucket.account)
        if not is_own and public_access_of(bucket).restricts_policy and is_public(policy):
            return Guard(bucket.account)
        return Guard(bucket.account, compile_policy(policy, "resource"))

    def fact(self, grant: Grant, key: str, facts: Facts) -> str | None:
        """See `ResourcePolicies.fact`."""
        return None
