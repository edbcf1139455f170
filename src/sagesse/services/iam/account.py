"""Facts about the account as a whole."""

from sagesse.core.call import Context
from sagesse.core.service import Params, Result, inline
from sagesse.services.iam._family import Family
from sagesse.services.iam._policies import MOST_ATTACHED
from sagesse.services.iam.kind import POLICY, ROLE, USER, every


class Account(Family):
    """The account."""

    @inline
    def list_account_aliases(self, ctx: Context, req: Params) -> Result:
        """None: an account here has no alias."""
        return {"AccountAliases": [], "IsTruncated": False}

    def get_account_summary(self, ctx: Context, req: Params) -> Result:
        """How many identities there are, and the quotas that are kept."""
        counts = {
            "Users": sum(1 for _ in every(ctx, USER)),
            "Roles": sum(1 for _ in every(ctx, ROLE)),
            "Policies": sum(1 for _ in every(ctx, POLICY)),
        }
        quotas = {
            "AccessKeysPerUserQuota": 2,
            "AttachedPoliciesPerUserQuota": MOST_ATTACHED,
            "AttachedPoliciesPerRoleQuota": MOST_ATTACHED,
            "UserPolicySizeQuota": 2048,
            "RolePolicySizeQuota": 10_240,
            "AssumeRolePolicySizeQuota": 2048,
            "PolicySizeQuota": 6144,
            "VersionsPerPolicyQuota": 5,
            "AccountAccessKeysPresent": 1,
            "AccountMFAEnabled": 0,
        }
        return {"SummaryMap": {**counts, **quotas}}
