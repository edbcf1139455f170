"""The audit trail: one CloudTrail-style record of every call, appended before the caller hears the answer."""

import errno
import logging
import os
import threading
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from sagesse.core.call import Call
from sagesse.core.error import ServiceError
from sagesse.core.identifier import new_request_id

_log = logging.getLogger(__name__)
_READ_VERBS = ("Get", "List", "Describe", "Head", "Search", "Batch", "Lookup", "Filter", "Select", "Simulate")
_SECRET_MEMBERS = frozenset(
    {"SecretAccessKey", "SessionToken", "Password", "OldPassword", "NewPassword", "Plaintext"}
    | {"SSECustomerKey", "CopySourceSSECustomerKey"}
)


_PAYLOADS = frozenset({"logEvents", "MetricData", "EntityMetricData"})
_PART_BYTES = 100 << 10  # of what a request or a response may take in a record, as in CloudTrail
_MESSAGE_CHARACTERS = 1024
_DAY_S = 86_400


class AuditLog:
    """JSON Lines, one file a day (UTC) in `folder`.

    A record is one appending write, so it survives the death of the server at any moment after it. While the disk is
    full, calls go on without their records, or nothing could be deleted; the log says how many are missing.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._guard = threading.Lock()
        self._day = ""
        self._file = -1
        self._lost = 0
        self._second = (0, "")
        self._ids = count()
        self._id_start = new_request_id()[:24]

    def write(
        self, call: Call, now: float, *, error: ServiceError | None, result: Mapping[str, Any] | None
    ) -> None:
        """Append the record of one call."""
        reads = call.operation.startswith(_READ_VERBS)
        event: dict[str, Any] = {
            "eventVersion": "1.11",
            "userIdentity": call.principal.identity,
            "eventTime": self._time(now),
            "eventSource": f"{call.service}.amazonaws.com",
            "eventName": call.operation,
            "awsRegion": call.region,
            "sourceIPAddress": call.source_ip,
            "userAgent": call.user_agent,
            "requestParameters": _shown(call.params),
            "responseElements": None if reads or result is None else _shown(result),
            "requestID": call.request_id,
            "eventID": f"{self._id_start}{next(self._ids):012x}",
            "readOnly": reads,
            "eventType": "AwsApiCall",
            "recipientAccountId": call.account or call.principal.account,
        }
        if error is not None:
            event["errorCode"] = error.code
            event["errorMessage"] = error.message[:_MESSAGE_CHARACTERS]
        line = _line(event)
        if len(line) > _PART_BYTES:
            line = _line(_shortened(event))
        with self._guard:
            self._append(event["eventTime"][:10], line)

    def sweep(self, now: float, kept_days: int) -> None:
        """Remove the files of days that ended more than `kept_days` ago; 0 keeps all."""
        oldest = self._time(now - kept_days * _DAY_S)[:10]
        for file in self._folder.glob("????-??-??.jsonl") if kept_days else ():
            if file.stem < oldest:
                file.unlink(missing_ok=True)

    def wipe(self) -> None:
        """Remove every record."""
        with self._guard:
            self._release()
            for file in self._folder.glob("*.jsonl"):
                file.unlink()

    def close(self) -> None:
        """Release the file."""
        with self._guard:
            self._release()

    def _time(self, now: float) -> str:
        second, text = self._second
        if second != int(now):
            text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
            self._second = (int(now), text)
        return text

    def _append(self, day: str, line: bytes) -> None:
        """Write a line whole or not at all; what a full or broken disk does not take is counted, and calls go on."""
        try:
            file = self._open(day)
            written = os.write(file, line)
            if written < len(line):
                os.ftruncate(file, os.fstat(file).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._lost += 1
            if self._lost == 1:
                _log.error("the audit trail cannot be written: %s; calls go on without it", error)
            return
        if self._lost:
            _log.error("the audit trail is written again; %d calls are missing in it", self._lost)
            self._lost = 0

    def _open(self, day: str) -> int:
        if day != self._day:
            self._release()
            path = self._folder / f"{day}.jsonl"
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._day = day
        return self._file

    def _release(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file, self._day = -1, ""


def _line(event: Mapping[str, Any]) -> bytes:
    return orjson.dumps(event, default=str, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS)


def _shortened(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event without what is too large for a record."""
    shown = dict(event)
    for part in ("requestParameters", "responseElements"):
        size = len(_line(event[part])) if event[part] else 0
        if size > _PART_BYTES:
            shown[part] = {"omitted": True, "originalSize": size, "reason": "larger than 100 KB"}
    return shown


def _shown(value: Mapping[str, Any]) -> dict[str, Any]:
    """Request or response members fit for the trail: no payloads, no secrets."""
    return {
        key: item if type(item) is str and key not in _SECRET_MEMBERS else _shown_value(key, item)
        for key, item in value.items()
    }


def _shown_value(key: str, value: Any) -> Any:
    if key in _SECRET_MEMBERS:
        return "HIDDEN_DUE_TO_SECURITY_REASONS"
    if key in _PAYLOADS and isinstance(value, list):
        return f"<{len(value)} items>"  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, dict):
        return _shown(value)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, list):
        return [_shown_value("", item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (str, int, float, type(None))):
        return value  # pyright: ignore[reportUnknownVariableType]
    return f"<{type(value).__name__}>"
