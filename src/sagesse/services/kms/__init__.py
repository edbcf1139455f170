"""AWS KMS.

What it is: symmetric encryption keys with policies, grants, aliases and rotation, encryption of secrets, data keys.
What really runs: AES-256-GCM; key material lies in the store, wrapped by a master key file (`engines.vault`).
What differs from AWS: docs/services/kms.md.
"""

from sagesse.core.policy import IdentityAuthorizer
from sagesse.core.service import Service
from sagesse.engines.vault import Vault
from sagesse.services.kms._access import KeyAccess
from sagesse.services.kms.alias import Aliases
from sagesse.services.kms.data import DataKeys
from sagesse.services.kms.grant import Grants
from sagesse.services.kms.key import Keys
from sagesse.services.kms.policy import KeyPolicies
from sagesse.services.kms.rotation import Rotations

__all__ = ["Aliases", "DataKeys", "Grants", "KeyPolicies", "Keys", "Rotations", "services"]


def services(vault: Vault, authorizer: IdentityAuthorizer) -> tuple[Service, ...]:
    """Every family of KMS over one vault."""
    access = KeyAccess(authorizer)
    families = (Keys, DataKeys, Aliases, KeyPolicies, Grants, Rotations)
    return tuple(family(vault, access) for family in families)
