"""What a disk does wrong, in words: full, read-only, failing, or with damaged data on it.

A handler need not catch any of it: the pipeline's edge asks here and answers 503 where trying again may help, 500
where it will not. Nothing half written stays in either case; transactions and uploads see to that themselves.
"""

import errno
import sqlite3
from typing import Literal, NamedTuple, TypeAlias

from sagesse.core.error import ServiceError

Kind: TypeAlias = Literal["full", "read-only", "busy", "failing", "damaged"]

_OF_ERRNO: dict[int, Kind] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EFBIG: "full",  # RLIMIT_FSIZE, or more than the file system takes
    errno.EROFS: "read-only",
    errno.EMFILE: "busy",
    errno.ENFILE: "busy",
    errno.ENOMEM: "busy",
    errno.EIO: "failing",
}
_OF_SQLITE: dict[int, Kind] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read-only",
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_NOMEM: "busy",
    sqlite3.SQLITE_CANTOPEN: "failing",
    sqlite3.SQLITE_IOERR: "failing",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
}
_WORDS: dict[Kind, str] = {
    "full": "The disk is full{here}: nothing was stored. Free some space and try again.",
    "read-only": "The disk cannot be written{here}: nothing was stored. Try again when it can; see `sagesse doctor`.",
    "busy": "The server lacks files, memory or a lock just now{here}: nothing was stored. Try again.",
    "failing": "The disk fails{here}: what was sent may not be stored. See `sagesse doctor` and the system's log.",
    "damaged": "The stored data is damaged{here}. Run `sagesse doctor` on the server's machine.",
}
_AT = "at the file "


class Fault(NamedTuple):
    """What is wrong, where it was noticed (as far as is known), and the system's words for it."""

    kind: Kind
    where: str = ""
    cause: str = ""

    @property
    def text(self) -> str:
        """A sentence for the client."""
        details = ", ".join(filter(None, (self.where, self.cause)))
        return _WORDS[self.kind].format(here=f" ({details})" if details else "")

    def error(self, service: str = "") -> ServiceError:
        """What a client of `service` is told: 503 ServiceUnavailable, or 500 with the protocol's own code."""
        if self.kind in {"full", "read-only", "busy"}:
            return ServiceError("ServiceUnavailable", self.text, status=503)
        return ServiceError("InternalError" if service == "s3" else "InternalFailure", self.text, status=500)


def fault_of(failure: BaseException) -> Fault | None:
    """The disk's fault behind an exception; None when the disk is not to blame."""
    match failure:
        case sqlite3.Error():
            kind, cause = _OF_SQLITE.get(getattr(failure, "sqlite_errorcode", -1) & 0xFF), str(failure)
        case OSError():
            kind, cause = _OF_ERRNO.get(failure.errno or -1), failure.strerror or ""
        case _:
            return None
    return None if kind is None else Fault(kind, _where(failure), cause)


def at(failure: BaseException, where: object) -> None:
    """Have an exception say at which file it happened, for `fault_of`."""
    if not _where(failure):
        failure.add_note(f"{_AT}{where}")


def _where(failure: BaseException) -> str:
    for note in getattr(failure, "__notes__", ()):
        if note.startswith(_AT):
            return note.removeprefix(_AT)
    name = getattr(failure, "filename", None)
    return "" if name is None else str(name)
