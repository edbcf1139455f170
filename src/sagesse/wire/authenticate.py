"""From a signature to the principal behind it."""

from typing import NamedTuple

from sagesse.core.clock import Clock
from sagesse.core.principal import Credential, Credentials, Principal
from sagesse.wire.signature import check_time, verify
from sagesse.wire.sigv4 import Refused, Signature, Signed

EPHEMERAL_ACCOUNT = "123456789012"


class Caller(NamedTuple):
    """Who signed a request; `secret` None means the signature cannot be checked and is not."""

    principal: Principal
    secret: str | None


class Authenticator:
    """Verifies signatures against the known credentials.

    Args:
        credentials: where access keys are looked up.
        clock: the time signatures are judged by.
        accepts_unknown_keys: let any unknown access key act as root of account 123456789012, its signature parsed
            but not checked: for test servers only.
    """

    def __init__(self, credentials: Credentials, *, clock: Clock, accepts_unknown_keys: bool = False) -> None:
        self._credentials = credentials
        self._clock = clock
        self._accepts_unknown_keys = accepts_unknown_keys
        self._stranger = Caller(Principal.root(EPHEMERAL_ACCOUNT), None)

    def now(self) -> float:
        """The time signatures are judged by."""
        return self._clock.now()

    def identify(self, signature: Signature) -> Caller:
        """Who claims to have signed: the key exists, the moment is right, the session token fits.

        Raises:
            Refused: one of these is not so.
        """
        credential = self._credentials.find(signature.access_key_id)
        if credential is None:
            if self._accepts_unknown_keys:
                return self._stranger
            raise Refused("unknown-key")
        now = self._clock.now()
        check_time(signature, now)
        _check_token(credential, signature, now)
        return Caller(credential.principal, credential.secret)

    @staticmethod
    def verify(signature: Signature, caller: Caller, request: Signed, payload_hash: str) -> None:
        """Refuse a request that `caller` did not sign.

        Raises:
            Refused: the signature does not match.
        """
        if caller.secret is not None:
            verify(signature, caller.secret, request, payload_hash)


def _check_token(credential: Credential, signature: Signature, now: float) -> None:
    if credential.session_token != signature.token:
        raise Refused("bad-token")
    if credential.expires is not None and credential.expires <= now:
        raise Refused("expired-token")
