"""boto3 with patience: the demo goes on when the server was killed and is up again.

Nothing here is Sagesse's own but where the server is looked for: every call is an unmodified client's.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast

import boto3  # pyright: ignore[reportMissingTypeStubs]
from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]
from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    ClientError,
    HTTPClientError,
    ResponseStreamingError,
)
from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    ConnectionError as EndpointUnreachable,
)

T = TypeVar("T")
Clients: TypeAlias = Callable[[str], Any]

_PATIENCE_S = 600.0
_SETTLE_S = 30.0  # a server just started may fail a call while it takes up what it finds
_LOOK_S = 0.25
_LOST = (EndpointUnreachable, HTTPClientError, ResponseStreamingError, ConnectionError)


class Access(NamedTuple):
    """How a server is reached."""

    url: str
    region: str
    access_key_id: str
    secret_access_key: str


class ServerGone(Exception):  # noqa: N818 - reads as the fact it states
    """The server does not answer, and did not come back while there was patience."""


class Cloud:
    """Clients of one server, which may die and come back, on another port too. Safe to use from several threads.

    Args:
        find: where the server is now; None while it is down.
        tell: is told when it is waited for, and when it is back.
        patience_s: how long one outage may last.
    """

    def __init__(
        self,
        find: Callable[[], Access | None],
        tell: Callable[[str], None],
        *,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._find = find
        self._tell = tell
        self._patience_s = patience_s
        self._guard = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._is_lost = False

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """One operation, by boto3's name; tried again while the server is down.

        A call whose answer was lost may have been done: callers make theirs so that twice is as good as once.

        Raises:
            ClientError: the server refuses.
            ServerGone: it stayed away.
        """
        return self.attempt(lambda clients: getattr(clients(service), operation)(**params))

    def attempt(self, work: Callable[[Clients], T]) -> T:
        """Do `work` with clients; tried again as a whole while the server is down. See `call`."""
        began = time.monotonic()
        while True:
            try:
                result = work(self._client)
            except _LOST as error:
                self._await(began + self._patience_s, error)
            except ClientError as error:
                if _status(error) < 500 or time.monotonic() > began + _SETTLE_S:
                    raise
                time.sleep(_LOOK_S)
            else:
                self._note_answer()
                return result

    def _client(self, service: str) -> Any:
        with self._guard:
            if service not in self._clients:
                self._clients[service] = self._connect(service)
            return self._clients[service]

    def _connect(self, service: str) -> Any:
        access = self._find()
        if access is None:
            raise ConnectionError("no server is running")
        session: Any = boto3.Session()
        return session.client(
            service,
            endpoint_url=access.url,
            region_name=access.region,
            aws_access_key_id=access.access_key_id,
            aws_secret_access_key=access.secret_access_key,
            config=Config(
                proxies={},
                connect_timeout=5,
                read_timeout=70,
                max_pool_connections=16,
                retries={"total_max_attempts": 2, "mode": "standard"},
                s3={"addressing_style": "path"},
            ),
        )

    def _await(self, deadline: float, error: Exception) -> None:
        """Forget the clients and wait a moment; the next attempt asks where the server is."""
        with self._guard:
            self._clients.clear()
            is_news, self._is_lost = not self._is_lost, True
        if is_news:
            self._tell(
                "The server does not answer. Start it again (`sagesse up --detach`, same data directory): "
                f"waiting for up to {self._patience_s / 60:.0f} minutes."
            )
        if time.monotonic() > deadline:
            raise ServerGone(f"the server stayed away for {self._patience_s:.0f} s: {error}") from error
        time.sleep(_LOOK_S)

    def _note_answer(self) -> None:
        if not self._is_lost:
            return
        with self._guard:
            is_news, self._is_lost = self._is_lost, False
        if is_news:
            self._tell("The server answers again; going on.")


def is_missing(error: ClientError) -> bool:
    """Whether a Describe or Head says that there is no such thing."""
    code, message = code_of(error), str(error).lower()
    return code in {"404", "ResourceNotFound", "ResourceNotFoundException", "NoSuchBucket"} or (
        code == "ValidationException" and ("could not find" in message or "not found" in message)
    )


def code_of(error: ClientError) -> str:
    """The error code of a refusal."""
    response = cast("dict[str, Any]", error.response)
    return str(response["Error"].get("Code", ""))


def look(cloud: Cloud, service: str, operation: str, **params: Any) -> dict[str, Any] | None:
    """A Describe or Head; None when there is no such thing."""
    try:
        return cloud.call(service, operation, **params)
    except ClientError as error:
        if is_missing(error):
            return None
        raise


def _status(error: ClientError) -> int:
    response = cast("dict[str, Any]", error.response)
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
