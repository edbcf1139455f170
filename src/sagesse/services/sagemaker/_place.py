"""A job's place on this machine: what its instances claim, what it waits for, what it got."""

from collections.abc import Sequence
from typing import Any

from sagesse.core.error import ServiceError, validation_error
from sagesse.core.record import Record
from sagesse.engines.capacity import Capacity, Claim
from sagesse.engines.instance_type import UnknownInstanceType, instance_type, is_accelerated
from sagesse.engines.machine import GIB, Demand
from sagesse.engines.quota import Quotas
from sagesse.services.sagemaker._quota import holder

_EXACT_PLACES = (
    10  # further back in the queue, the place is told roughly: it changes often and each is a write
)
_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 60.0  # how often a waiting job looks again, should nobody wake it


class Place:
    """Claims parts of the machine for jobs.

    Args:
        capacity: the machine.
    """

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity

    def demand(self, wanted: Sequence[tuple[str, int]]) -> Demand:
        """What instances, as (type, count), claim together."""
        machine = self._capacity.machine
        parts = [machine.demand(instance_type(kind), count) for kind, count in wanted]
        return Demand(*(sum(amounts) for amounts in zip(*parts, strict=True)))

    def claim(self, record: Record, demand: Demand) -> Claim:
        """Ask for the place of the job's present run; idempotent."""
        return self._capacity.claim(
            record.state["run_id"], demand, since=record.created, account=record.account
        )

    def pending_state(self, record: Record, demand: Demand, now: float) -> dict[str, Any]:
        """What a record that begins to wait keeps, so that its place survives the server; empty when it has it."""
        if record.state.get("pending_since"):
            return {}
        return {"pending_since": now, "demand": list(demand)}

    def held_state(self, claim: Claim) -> dict[str, Any]:
        """What a record that was granted its place keeps."""
        return {
            "threads": claim.threads,
            "memory_bytes": claim.memory_bytes,
            "gpus": list(claim.gpus),
            "pending_since": None,
            "demand": None,
        }

    def environment(self, gpus: Sequence[int]) -> dict[str, str]:
        """The variables that keep a host to its GPUs; nothing where the machine has none."""
        if not self._capacity.machine.gpus:
            return {}
        return {"CUDA_VISIBLE_DEVICES": ",".join(str(number) for number in gpus)}


def take_up(capacity: Capacity, quotas: Quotas, record: Record) -> None:
    """Give a job of the last server its place back: what it holds or where it waited, and what it uses of quotas."""
    state = record.state
    if uses := state.get("uses"):
        quotas.hold(record.scope, holder(record), uses)
    if state.get("threads"):
        held = Claim(state["threads"], state["memory_bytes"], tuple(state["gpus"]))
        capacity.adopt(state["run_id"], held, account=record.account)
    elif state.get("demand"):
        demand = Demand(*state["demand"])
        capacity.expect(state["run_id"], demand, since=record.created, account=record.account)


def pending_left_s(record: Record, now: float) -> float:
    """How long a training job that waits may go on waiting, by MaxPendingTimeInSeconds.

    Infinite for one that does not wait, and for types without accelerators, for which AWS does not look at it.
    """
    limit_s = record.request.get("StoppingCondition", {}).get("MaxPendingTimeInSeconds")
    since = record.state.get("pending_since")
    if (
        limit_s is None
        or since is None
        or not is_accelerated(record.request["ResourceConfig"].get("InstanceType", ""))
    ):
        return float("inf")
    return since + limit_s - now


def check_instance_type(kind: str) -> None:
    """Refuse a type that SageMaker does not have.

    Raises:
        ServiceError: names it, and the families there are.
    """
    try:
        instance_type(kind)
    except UnknownInstanceType as error:
        raise _refusal(error) from error


def pending_message(claim: Claim) -> str:
    """Why a job waits, for its description."""
    missing = claim.missing
    wants = [f"{missing.cores} more cores"] if missing.cores else []
    if missing.memory_bytes:
        wants.append(f"{missing.memory_bytes / GIB:.1f} GiB more memory")
    if missing.gpus:
        wants.append(f"{missing.gpus} more GPUs")
    reason = " and ".join(wants) or "its turn"
    return f"Pending: waiting for {reason}; {_place(claim.position)} of the queue for this machine"


def pending_pause_s(claim: Claim) -> float:
    """When to look again at a job that waits."""
    return min(_LONGEST_PAUSE_S, _PAUSE_S * (1 + claim.position / _EXACT_PLACES))


def _place(position: int) -> str:
    if position < _EXACT_PLACES:
        return f"place {position + 1}"
    unit = 10 ** (len(str(position)) - 1)
    return f"behind place {position // unit * unit}"


def _refusal(error: UnknownInstanceType) -> ServiceError:
    return validation_error(f"InstanceType: {error}")
