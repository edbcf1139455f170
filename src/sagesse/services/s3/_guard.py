"""What buckets say of their callers: the authorizer's view of bucket policies and access control lists."""

from sagesse.core.policy import Facts, Guard, Policy, Statement, compile_policy
from sagesse.core.principal import Principal
from sagesse.core.service import Grant
from sagesse.engines.objects import ObjectStore
from sagesse.engines.objects.base import Address, Bucket, ObjectInfo
from sagesse.engines.objects.error import no_such_bucket
from sagesse.services.s3._acl import OBJECT_ACTIONS, policy_of
from sagesse.services.s3._public import is_public
from sagesse.services.s3._setting import ACL, POLICY, public_access_of, takes_acls

# The account's root can always take back a policy that shuts everybody out.
_NEVER_SHUT = frozenset({"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"})
_TAG = "s3:existingobjecttag/"
# What creating a bucket needs, so that there is none yet.
_CREATING = frozenset(
    {
        "s3:CreateBucket",
        "s3:PutBucketAcl",
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketOwnershipControls",
    }
)


class BucketGuards:
    """Implements `core.policy.ResourcePolicies` for buckets; one without a policy costs a look into memory.

    Args:
        objects: where buckets and their settings are kept.
    """

    service = "s3"

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def find(self, principal: Principal, grant: Grant, facts: Facts) -> Guard | None:
        """See `ResourcePolicies.find`.

        Raises:
            ServiceError: NoSuchBucket; as in AWS, even those are told who may not do anything.
        """
        if not grant.action.startswith("s3:") or grant.action == "s3:CreateBucket":
            return None
        name = grant.resource.partition(":::")[2].partition("/")[0]
        bucket = self._objects.find_bucket(name) if name else None
        if bucket is None:
            if name and grant.action not in _CREATING:
                raise no_such_bucket(name)
            return None
        if not bucket.settings:
            return Guard(bucket.account)
        policy = _policy(bucket, principal, grant)
        if takes_acls(bucket) and (lists := self._lists(bucket, grant, facts)):
            policy = Policy(policy.statements + lists)
        return Guard(bucket.account, policy)

    def fact(self, grant: Grant, key: str, facts: Facts) -> str | None:
        """See `ResourcePolicies.fact`."""
        if not key.startswith(_TAG) or not grant.action.startswith("s3:"):
            return None
        found = self._object(grant, facts)
        tags = found.attributes.tags if found else {}
        return next((value for name, value in tags.items() if name.lower() == key[len(_TAG) :]), None)

    def _lists(self, bucket: Bucket, grant: Grant, facts: Facts) -> tuple[Statement, ...]:
        """What the lists of the bucket, and of the object where one is meant, allow."""
        ignores = public_access_of(bucket).ignores_acls
        found = self._object(grant, facts) if grant.action in OBJECT_ACTIONS else None
        text = found.attributes.acl if found else str(bucket.settings.get(ACL, ""))
        if not text:
            return ()
        return policy_of(text, is_object=found is not None, ignores_public=ignores).statements

    def _object(self, grant: Grant, facts: Facts) -> ObjectInfo | None:
        bucket, _, key = grant.resource.partition(":::")[2].partition("/")
        version = facts.text("s3:versionid")
        return self._objects.find_object(Address(bucket, key), version) if key else None


def _policy(bucket: Bucket, principal: Principal, grant: Grant) -> Policy:
    """The bucket's policy as it counts for this caller."""
    text = bucket.settings.get(POLICY)
    if text is None:
        return _SILENT
    is_own = principal.account == bucket.account
    if is_own and principal.kind == "root" and grant.action in _NEVER_SHUT:
        return _SILENT
    if not is_own and public_access_of(bucket).restricts_policy and is_public(text):
        return _SILENT
    return compile_policy(text, "resource")


_SILENT = Policy(())
