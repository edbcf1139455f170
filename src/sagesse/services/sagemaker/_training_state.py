"""The secondary status of a training job and its history."""

from collections.abc import Iterable, Mapping
from typing import Any

_MESSAGES: Mapping[str, str] = {
    "Starting": "Starting the training job",
    "Pending": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Interrupted": "The managed spot capacity was taken back; the job starts again when there is capacity",
    "Restarting": "An internal error ended the run; the job starts again",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
    "Failed": "Training job failed",
}
_FINAL = frozenset({"Completed", "Failed", "Stopped", "MaxRuntimeExceeded", "MaxWaitTimeExceeded"})
_WITHOUT_INSTANCES = frozenset({"Starting", "Pending", "Interrupted", "Restarting"})
PENDING_TOO_LONG = "Training job pending time exceeded MaxPendingTimeInSeconds provided"


def first_transition(now: float) -> dict[str, Any]:
    """The output members of a job that was just created."""
    return transition([], "Starting", now)


def transition(history: list[dict[str, Any]], status: str, now: float, message: str = "") -> dict[str, Any]:
    """Output members after a change to `status`: the last entry ends, a new one begins, and a final one ends at once.

    The same status again only changes the message.
    """
    entries = [dict(entry) for entry in history]
    text = message or _MESSAGES[status]
    if entries and entries[-1]["Status"] == status:
        entries[-1]["StatusMessage"] = text
    else:
        if entries:
            entries[-1].setdefault("EndTime", now)
        entry = {"Status": status, "StartTime": now, "StatusMessage": text}
        entries.append({**entry, "EndTime": now} if status in _FINAL else entry)
    return {"SecondaryStatus": status, "SecondaryStatusTransitions": entries}


def in_use_s(history: Iterable[Mapping[str, Any]]) -> float:
    """How long the instances of a job that was given some were its own, up to its end: what AWS bills."""
    return sum(
        entry["EndTime"] - entry["StartTime"]
        for entry in history
        if entry["Status"] not in _WITHOUT_INSTANCES
    )
