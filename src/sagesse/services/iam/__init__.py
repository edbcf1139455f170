"""IAM: users, roles, access keys, managed and inline policies, the policy simulator.

Behind it: records in the store, and `sagesse.core.policy`, which every call is checked against. What differs from
AWS: changes hold at once (AWS takes seconds), there are no groups and no passwords, and the AWS managed policies are
compact documents of our own. See docs/services/iam.md.
"""

from sagesse.services.iam.bootstrap import EXECUTION_ROLE, RootKey, bootstrap
from sagesse.services.iam.family import families

__all__ = ["EXECUTION_ROLE", "RootKey", "bootstrap", "families"]
