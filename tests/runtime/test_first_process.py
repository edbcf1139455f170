"""The first process of a job's own process numbers."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sagesse.runtime import sandbox
from sagesse.runtime.process import descendants
from sagesse.runtime.sandbox import Level
from tests.runtime.namespaces import PLAIN, inside


@pytest.fixture(autouse=True)
def _namespaces(tmp_path: Path) -> None:
    if sandbox.probe(tmp_path) != Level.FULL:
        pytest.skip("this machine offers no namespaces")


def test_it_collects_what_others_leave_behind() -> None:
    inside(_leave_an_orphan)


def _leave_an_orphan() -> None:
    sandbox.build(Level.FULL, PLAIN)
    told, tell = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            os.write(tell, b"%d\n" % os.getpid())
            os._exit(0)
        os._exit(0)
    os.wait()
    orphan = int(os.read(told, 32))
    try:
        ended = os.pidfd_open(orphan)
    except ProcessLookupError:
        return
    os.close(tell)
    assert os.read(told, 1) == b""  # it has ended
    while Path(f"/proc/{orphan}").exists():  # the kernel collects it in its own time
        os.sched_yield()
    os.close(ended)


@pytest.mark.parametrize("as_nobody", [False, True])
def test_a_job_cannot_look_at_the_machine_through_it(as_nobody: bool) -> None:
    if as_nobody and os.getuid() != 0:
        pytest.skip("only root can become another user")
    inside(_look_through, as_nobody=as_nobody)


def _look_through() -> None:
    sandbox.build(Level.FULL, PLAIN)
    assert Path("/proc/1/comm").read_text() == "cat\n"
    for name in ("root", "cwd", "environ", "fd/0", "exe"):
        with pytest.raises(PermissionError):
            os.stat(f"/proc/1/{name}") if name != "environ" else Path("/proc/1/environ").read_bytes()


def test_a_job_cannot_end_it() -> None:
    inside(_try_to_end_it)


def _try_to_end_it() -> None:
    sandbox.build(Level.FULL, PLAIN)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGHUP):
        with contextlib.suppress(PermissionError):
            os.kill(1, number)
    child = os.fork()
    if child == 0:
        os._exit(7)
    assert (
        os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    )  # forks fail where the first process has ended


def test_all_ends_with_its_maker_however_that_ends() -> None:
    program = """
import os, signal, sys
from pathlib import Path
from sagesse.runtime import sandbox
from sagesse.runtime.plan import Command, Plan
first = sandbox.enter(sandbox.Level.FULL, Path("/"), Plan("run", Command(())))
if os.fork() == 0:
    os.closerange(3, 100)
    print("up", flush=True)
    while True:
        signal.pause()
os.wait()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "up\n"
        inner = descendants(maker.pid)
        assert len(inner) == 2
        ends = [os.pidfd_open(pid) for pid in inner]
        maker.kill()
        for end in ends:
            _wait_for_end(end)


def _wait_for_end(process: int) -> None:
    poll = select.poll()
    poll.register(process, select.POLLIN)
    assert poll.poll(30_000)
    os.close(process)
