"""Damage that was found in stored data, kept in a file until a scrub finds none.

The server writes the file, `sagesse doctor` reads it, whether or not a server runs.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

_MOST = 1000
_log = logging.getLogger(__name__)


class Damage(msgspec.Struct, frozen=True):
    """One thing that is damaged: what it is called, what is wrong with it, when that was found (epoch seconds)."""

    what: str
    problem: str
    found: float


class Findings(msgspec.Struct, frozen=True):
    """What is known. `scrubbed` is when everything was looked at for the last time, 0 for never.

    `more` counts what did not fit; `unchecked` what that scrub could not look into.
    """

    damages: tuple[Damage, ...] = ()
    more: int = 0
    scrubbed: float = 0.0
    unchecked: int = 0


class DamageBook:
    """The findings of one data directory. For any thread.

    Args:
        path: the file; its folder must exist.
        now: the time.
    """

    def __init__(self, path: Path, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._guard = threading.Lock()
        self._findings = read_findings(path)

    @property
    def findings(self) -> Findings:
        """What is known now."""
        return self._findings

    def note(self, what: str, problem: str) -> None:
        """Keep and log a damage, once for each thing."""
        with self._guard:
            old = self._findings
            if any(damage.what == what for damage in old.damages):
                return
            _log.error("damage: %s: %s", what, problem)
            if len(old.damages) >= _MOST:
                self._keep(msgspec.structs.replace(old, more=old.more + 1))
                return
            damages = (*old.damages, Damage(what, problem, self._now()))
            self._keep(msgspec.structs.replace(old, damages=damages))

    def scrubbed(self, damages: Sequence[Damage], *, since: float, more: int = 0, unchecked: int = 0) -> None:
        """Everything was looked at from `since` to now, and this is all there is: it replaces what was known before."""
        known = {damage.what for damage in damages}
        with self._guard:
            newer = [
                damage
                for damage in self._findings.damages
                if damage.found >= since and damage.what not in known
            ]
            found = (*damages, *newer)
            self._keep(Findings(found[:_MOST], more + len(found[_MOST:]), self._now(), unchecked))

    def forget(self) -> None:
        """There is nothing any more that could be damaged."""
        with self._guard:
            self._findings = Findings()
            self._path.unlink(missing_ok=True)

    def _keep(self, findings: Findings) -> None:
        self._findings = findings
        with contextlib.suppress(OSError):  # a full or broken disk: the log has it, and we still know
            draft = self._path.with_suffix(".new")
            draft.write_bytes(msgspec.json.encode(findings))
            draft.replace(self._path)


def read_findings(path: Path) -> Findings:
    """What a file says; nothing known when there is none, or none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Findings)
    except (OSError, msgspec.MsgspecError):
        return Findings()
