"""STS: who am I, and temporary credentials.

Behind it: sessions are records, so they survive a restart; a session's key is checked like any other key, and what it
may do is decided by `sagesse.core.policy`. What differs from AWS: the account's root may assume a role that trusts the
account, because root is the local default identity. See docs/services/sts.md.
"""

from sagesse.services.sts.session import SESSION
from sagesse.services.sts.token_service import TokenService

__all__ = ["SESSION", "TokenService"]
