"""The question every call is asked: may this principal do that?"""

from collections.abc import Callable, Iterable
from typing import Protocol

from sagesse.core.call import Call
from sagesse.core.principal import Principal
from sagesse.core.service import Facts, Grant


class Authorizer(Protocol):
    """Evaluates the policies that apply to a principal."""

    def is_unlimited(self, principal: Principal, service: str) -> bool:
        """Whether no policy can limit the principal in that service, so that `check` need not be asked."""
        ...

    def check(self, call: Call, grants: Iterable[Grant], facts: Callable[[], Facts]) -> None:
        """Refuse the call unless every grant is allowed.

        Args:
            call: the call, with its principal.
            grants: the actions on resources it needs.
            facts: gathers condition keys and values ("aws:SourceIp", "s3:prefix", ...), for policies that ask.

        Raises:
            ServiceError: AccessDenied, in AWS's wording.
        """
        ...
