"""Doing something as a job would: inside namespaces of its own."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

from sagesse.runtime import sandbox
from sagesse.runtime.plan import Command, Plan
from sagesse.runtime.sandbox import Level, View

_NOBODY, _SET_DUMPABLE = 65534, 4
PLAIN = View({}, (), (), Path("/dev/null"), "inside")


def inside(act: Callable[[], None], *, as_nobody: bool = False) -> None:
    """Call `act` in the first child of a process that has left our namespaces; its failure is ours."""
    outer = os.fork()
    if outer == 0:
        code = 1
        try:
            if as_nobody:
                _become_nobody()
            first = sandbox.enter(Level.FULL, Path("/"), Plan("inside", Command(("true",))))
            code = _run(act)
            if first is not None:
                first.end()
        finally:
            os._exit(code)
    assert os.waitpid(outer, 0)[1] == 0


def _become_nobody() -> None:
    os.setgroups([])
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)
    ctypes.CDLL(None).prctl(_SET_DUMPABLE, 1)  # its files in /proc are its own again, as after exec


def _run(act: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
