"""Looking at processes through /proc."""

import os
import subprocess
import sys
from pathlib import Path

from sagesse.runtime.process import cpu_s, descendants, memory_bytes


def test_descendants_are_children_and_their_children() -> None:
    with subprocess.Popen(["/bin/sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE) as shell:
        assert shell.stdout is not None
        grandchild = int(shell.stdout.readline())
        found = descendants(os.getpid())
        shell.kill()
        os.kill(grandchild, 9)
    assert {shell.pid, grandchild} <= found
    assert os.getpid() not in found


def test_shared_pages_count_once_when_it_matters() -> None:
    me = {os.getpid()}
    assert 0 < memory_bytes(me, at_least=0) <= memory_bytes(me, at_least=1 << 40)


def test_a_process_that_ended_holds_nothing() -> None:
    with subprocess.Popen(["/bin/true"]) as ended:
        ended.wait()
    assert memory_bytes({ended.pid}, at_least=0) == 0


def test_processor_time_is_that_of_the_process_and_its_past_children() -> None:
    before = cpu_s({os.getpid()})
    subprocess.run(["/bin/sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"], check=True)
    assert cpu_s({os.getpid()}) > before


def test_at_the_end_nobody_is_looked_for_when_no_child_is_left() -> None:
    program = """
import os, sagesse.runtime.process as process
process.descendants = lambda root: print("looked") or {child}
if (child := os.fork()) == 0:
    os._exit(0)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # it has ended and is not collected
process.kill_descendants()
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == ""


def test_at_the_end_children_and_their_children_are_ended() -> None:
    program = """
import subprocess
import sys
from pathlib import Path
from sagesse.runtime import linux, process
linux.adopt_orphans()
child = subprocess.Popen(["/bin/sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True)
print(child.stdout.readline(), flush=True)
process.kill_descendants()
child.returncode = 0  # it was collected
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not Path(f"/proc/{ended.stdout.strip()}").exists()
