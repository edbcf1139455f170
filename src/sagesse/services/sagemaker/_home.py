"""How a job's own AWS clients find their way back here."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from sagesse.core.principal import Credential

_LOOPBACK = "127.0.0.1,localhost,::1,127.0.0.0/8"


def region_variables(region: str) -> dict[str, str]:
    """Where a job is: all that one is told that is cut off from the network."""
    return {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}


class Home(NamedTuple):
    """This server as its jobs see it.

    Attributes:
        url: the endpoint, which is also the proxy for host names that clients have built in (both SageMaker SDKs do).
        bundle: certificates to trust, ours among them; a file that jobs can see.
    """

    url: Callable[[], str]
    bundle: Path

    def variables(
        self, region: str, session: Credential | None = None, *, direct: Iterable[str] = ()
    ) -> dict[str, str]:
        """What a job's AWS clients read: region, endpoint, proxy, certificates and, if given, credentials.

        The host names in `direct` are reached without the proxy, as all of this machine is.
        """
        url, bundle, no_proxy = self.url(), str(self.bundle), ",".join((_LOOPBACK, *direct))
        found = {
            **region_variables(region),
            "AWS_ENDPOINT_URL": url,
            "AWS_CA_BUNDLE": bundle,
            "REQUESTS_CA_BUNDLE": bundle,
        }
        for name, value in (("HTTPS_PROXY", url), ("NO_PROXY", no_proxy)):
            found |= {name: value, name.lower(): value}  # where both are set, the lower-case one counts
        if session is not None:
            found["AWS_ACCESS_KEY_ID"] = session.access_key_id
            found["AWS_SECRET_ACCESS_KEY"] = session.secret
            found["AWS_SESSION_TOKEN"] = session.session_token or ""
        return found
