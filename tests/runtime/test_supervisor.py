"""The end of a run, as its supervisor brings it about."""

import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import os
import sys
from pathlib import Path
from sagesse.runtime import supervisor
from sagesse.runtime.job_process import Launch
from sagesse.runtime.output import LineLog
from sagesse.runtime.plan import Command, Plan
from sagesse.runtime.sandbox import Level, View
from sagesse.runtime.thread_budget import LoadedLibraries

folder = Path(sys.argv[1])
view = View({}, (), (), folder, "algo-1")
launch = Launch(Plan("run", Command(())), Level.NONE, view, folder, LoadedLibraries())
run = supervisor._Supervision(launch, wake=-1)
run._log = LineLog(os.open(folder / "output.log", os.O_WRONLY | os.O_CREAT))
run._output, output = os.pipe()
run._events, report = os.pipe()
os.write(report, b"data ClientError: no such object\\n")
for end in (output, report):
    os.close(end)
run._job = os.fork()
if run._job == 0:
    os._exit(0)
signalled = []
os.kill = lambda pid, number: signalled.append(pid)
run._finish()
print(run._reason, run._message, signalled)
"""


def test_a_job_that_was_collected_is_not_signalled(tmp_path: Path) -> None:
    """Its feeder said last that it fails: the number may be that of another process by then."""
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "data ClientError: no such object []\n"
