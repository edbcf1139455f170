"""What a serving engine is: it keeps model servers alive and passes requests to them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import msgspec

from sagesse.runtime.serve.message import MAX_BODY_BYTES

__all__ = [
    "MAX_BODY_BYTES",
    "Answer",
    "Invocation",
    "InvocationTimeout",
    "Overloaded",
    "Phase",
    "ServerGone",
    "ServerPlan",
    "ServerState",
    "ServingEngine",
    "WorkerDied",
]

Phase = Literal["starting", "healthy", "unhealthy", "failed", "gone"]


class ServerPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One model server: what it loads and its limits. The plan of a server id never changes.

    Attributes:
        source: ``algorithm:<repository>``, ``script:<framework>`` or ``<module>:<function>``; see
            `runtime.serve.worker.main`.
        model_dir: the unpacked model, seen by the server as ``/opt/ml/model``.
        environment: variables of the server's process.
        mounts: further folders by the path, below ``/opt/ml``, under which the server sees them.
        preload: modules its zygote has imported already.
        startup_timeout_s: a server that is not healthy after this has failed.
    """

    source: str
    model_dir: Path
    environment: dict[str, str] = {}
    mounts: dict[str, Path] = {}
    preload: tuple[str, ...] = ()
    threads: int = 1
    memory_bytes: int | None = None
    isolate_network: bool = False
    startup_timeout_s: float = 600.0


class ServerState(NamedTuple):
    """Where a model server stands.

    Attributes:
        phase: ``unhealthy`` was healthy, died or hung, and is being started again; ``failed`` is final: it was
            never healthy and will not be tried again; ``gone`` is not known, or being retired.
        reason: of the last death or of the failure.
        run_id: the run of the job engine that serves (or served) it; a new one after each death.
        log: that run's log file, of lines ``<epoch_ms> <text>``.
        restarts: how often it was started again.
    """

    phase: Phase
    reason: str = ""
    run_id: str = ""
    log: Path | None = None
    restarts: int = 0


class Invocation(NamedTuple):
    """One request to a model; empty strings were not given.

    A retry (of a request whose server died under it) is sent when no other retry is with that server, so that the
    request that kills servers does not take the same neighbours with it twice.
    """

    body: bytes
    content_type: str = ""
    accept: str = ""
    custom_attributes: str = ""
    inference_id: str = ""
    timeout_s: float = 60.0
    is_retry: bool = False


class Answer(NamedTuple):
    """What the model said; `status` may be any HTTP status. `model_latency_us` was measured by the server."""

    status: int
    content_type: str
    body: bytes
    model_latency_us: int
    custom_attributes: str = ""


class ServerGone(Exception):  # noqa: N818 - these three read as the facts they state
    """The server is not known, is being retired, or has no connection now; nothing was sent."""


class WorkerDied(Exception):  # noqa: N818
    """The server's process ended while it had the request. `may_retry`: not a byte of the reply had come."""

    def __init__(self, message: str, *, may_retry: bool) -> None:
        super().__init__(message)
        self.may_retry = may_retry


class InvocationTimeout(Exception):  # noqa: N818
    """The model did not answer in time."""


class Overloaded(Exception):  # noqa: N818
    """Too many requests wait for this server; nothing was sent."""


class ServingEngine(Protocol):
    """Keeps model servers alive. `ensure`, `look` and `retire` are for any thread; the rest for the event loop."""

    def watch(self, on_end: Callable[[str, str, Path], None]) -> None:
        """Call `on_end(server_id, run_id, log)` in a thread when a run of a server has ended, before its log goes."""
        ...

    def ensure(self, server_id: str, plan: ServerPlan) -> ServerState:
        """Have the server run, or find it again after the platform was restarted; idempotent, does not block.

        `server_id` is unique for ever (letters, digits, dot, dash, underscore) and always comes with the same plan.
        """
        ...

    def look(self, server_id: str) -> ServerState:
        """Where the server stands."""
        ...

    def retire(self, server_id: str, *, drain: bool = True) -> bool:
        """Take no more requests, let those under way finish (with `drain`), end the process, remove its files.

        Idempotent, does not block.

        Returns:
            Whether nothing is left of it; ask again otherwise.
        """
        ...

    def pick(self, server_ids: Sequence[str]) -> str | None:
        """The healthy server among these with the fewest requests under way; None when none is healthy."""
        ...

    async def settle(self, server_ids: Sequence[str], timeout_s: float) -> bool:
        """Wait until one of these is healthy. False when the time is over or none of them can become it."""
        ...

    async def invoke(self, server_id: str, invocation: Invocation) -> Answer:
        """Pass a request on. It is under way, for `pick` and `retire`, before this first suspends.

        Raises:
            ServerGone: it cannot take requests now; choose again.
            Overloaded: too many requests wait.
            WorkerDied: its process ended before the reply was complete.
            InvocationTimeout: no reply within the invocation's time.
        """
        ...
