"""Every family of IAM, for the composition root."""

from sagesse.core.policy import Identities, IdentityAuthorizer
from sagesse.core.service import Service
from sagesse.services.iam.access_key import AccessKeys
from sagesse.services.iam.account import Account
from sagesse.services.iam.policy import Policies
from sagesse.services.iam.role import Roles
from sagesse.services.iam.simulate import Simulator
from sagesse.services.iam.user import Users


def families(identities: Identities, authorizer: IdentityAuthorizer) -> tuple[Service, ...]:
    """The families, sharing `identities`, which they keep current, and `authorizer`."""
    return tuple(
        family(identities, authorizer) for family in (Users, AccessKeys, Roles, Policies, Simulator, Account)
    )
