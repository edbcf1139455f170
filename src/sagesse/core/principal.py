"""Who calls: principals, their credentials, and where credentials are looked up."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from sagesse.core.record import ChangeOf

PrincipalKind: TypeAlias = Literal["root", "user", "role", "service", "anonymous"]
_AUDITED = {
    "root": "Root",
    "user": "IAMUser",
    "role": "AssumedRole",
    "service": "AWSService",
    "anonymous": "AWSAccount",
}


class Principal(msgspec.Struct, frozen=True):
    """The authenticated caller.

    A role principal is a session: `arn` is the assumed-role ARN, `role_arn` the role's own, `session_policies`
    what the session was narrowed to (policy documents; empty means not narrowed).
    """

    account: str
    arn: str
    kind: PrincipalKind
    id: str = ""
    name: str = ""
    role_arn: str = ""
    session_policies: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    @classmethod
    def root(cls, account: str) -> "Principal":
        """The account itself; no policy limits it."""
        return cls(account=account, arn=f"arn:aws:iam::{account}:root", kind="root", id=account)

    @classmethod
    def service(cls, host: str, account: str) -> "Principal":
        """An AWS service acting on its own behalf, e.g. ``sagemaker.amazonaws.com``."""
        return cls(account=account, arn=host, kind="service", id=host, name=host)

    @classmethod
    def anonymous(cls) -> "Principal":
        """A request without a signature."""
        return cls(account="", arn="*", kind="anonymous")

    @property
    def identity(self) -> dict[str, Any]:
        """The `userIdentity` element of an audit record."""
        return {
            "type": _AUDITED[self.kind],
            "principalId": self.id,
            "arn": self.arn,
            "accountId": self.account,
        }


class Credential(msgspec.Struct, frozen=True):
    """An access key with its secret; `expires` (epoch seconds) and `session_token` for temporary ones."""

    access_key_id: str
    secret: str
    principal: Principal
    session_token: str | None = None
    expires: float | None = None


class Credentials(Protocol):
    """Where access keys are looked up; called for every request, so it answers from memory or one row."""

    def find(self, access_key_id: str) -> Credential | None:
        """The active credential of that access key, or None. Expired ones are returned: the caller judges."""
        ...

    def end(self, access_key_id: str) -> None:
        """Have a session end now; nothing happens when there is none. Writes: not for the event loop's thread."""
        ...

    def ending(self, access_key_id: str) -> Sequence[ChangeOf]:
        """What is written to end a session, with the change that it ends by; call `ended` when that is done."""
        ...

    def ended(self, access_key_id: str) -> None:
        """The session has ended: it is found no more as it was."""
        ...
