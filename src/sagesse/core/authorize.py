"""The question every call is asked: may this principal do that?"""

from collections.abc import Iterable
from typing import Protocol

from sagesse.core.call import Call
from sagesse.core.service import Facts, Grant


class Authorizer(Protocol):
    """Evaluates the policies that apply to a principal."""

    def check(self, call: Call, grants: Iterable[Grant], facts: Facts) -> None:
        """Refuse the call unless every grant is allowed.

        Args:
            call: the call, with its principal.
            grants: the actions on resources it needs.
            facts: condition keys and values ("aws:SourceIp", "s3:prefix", ...).

        Raises:
            ServiceError: AccessDenied, in AWS's wording.
        """
        ...


class AllowAll:
    """Lets every principal do everything; for tests of other things."""

    def check(self, call: Call, grants: Iterable[Grant], facts: Facts) -> None:
        """Allow."""
