"""A long queue of tiny jobs: how fast it drains and what the platform spends on each, with and without kill -9.

What is counted is all that the platform does: the server (creating the jobs and starting anew included), the
pre-loaded parent, and the processes of each job, with the two lines of the script. The client's CPU is not.
Beside it, in the same run, the same script by hand: an interpreter started for each, and a fork of one that is there.
Target: 20 jobs a second for each core of overhead, that is 50 ms of CPU a job; each runs exactly once.
"""

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.cpu_group import CpuGroup, cpu_group
from benchmarks.process import cpu_s, processes, started_since
from benchmarks.report import show
from benchmarks.sagesse_server import BUCKET, client_of, sagesse, until
from benchmarks.script_job import PYTHON, lines, request, run_job, upload
from sagesse.testing.server import Server

QUEUED, KILLS = 200, 3
_CORES = {1: 2, 4: 8}  # of the machine, by jobs at a time: each claims two
_EVERY_S = 0.2  # what a look at the queue costs the server is counted too
_TINY = "import os\nprint('ran', os.environ['TRAINING_JOB_NAME'], flush=True)\n"


class Drain(msgspec.Struct, frozen=True):
    """A queue from the first request to the end of the last job; CPU seconds of the server, the parent and all."""

    took_s: float
    cpu_s: float
    server_cpu_s: float
    parent_cpu_s: float
    completed: int
    once: int
    more_than_once: int


class ByHand(msgspec.Struct, frozen=True):
    """The script as often, one after the other."""

    took_s: float
    cpu_s: float


def measure() -> dict[str, Any]:
    """Drain the queue by one and by four at a time, run the script by hand, and print the table."""
    by_hand = {"python tiny.py": _by_hand(_start_anew), "a fork of an interpreter": _by_hand(_fork)}
    drains = {
        f"{at_once} at a time, {kills} kills": _drain(at_once, kills)
        for at_once in _CORES
        for kills in (0, KILLS)
    }
    show(
        f"{QUEUED} tiny jobs, for each",
        ["", "a second", "CPU ms", "server", "parent", "others", "completed", "ran once", "more often"],
        [
            *([name, QUEUED / one.took_s, 1e3 * one.cpu_s / QUEUED] for name, one in by_hand.items()),
            *([name, *_columns(one)] for name, one in drains.items()),
        ],
        note=f"Python {sys.version.split()[0]} at {sys.base_prefix}. Target: 50 ms of CPU.",
    )
    return {"by_hand": by_hand, "drains": drains}


def _columns(drain: Drain) -> list[object]:
    others = drain.cpu_s - drain.server_cpu_s - drain.parent_cpu_s
    spent = (drain.cpu_s, drain.server_cpu_s, drain.parent_cpu_s, others)
    per_job = [1e3 * each / QUEUED for each in spent]
    return [QUEUED / drain.took_s, *per_job, drain.completed, drain.once, drain.more_than_once]


def _drain(at_once: int, kills: int) -> Drain:
    before = processes()
    with cpu_group() as group, contextlib.ExitStack() as stack:
        with group.entered():
            server = stack.enter_context(sagesse(settings={"job_cores": _CORES[at_once]}))
        client_of(server, "s3").create_bucket(Bucket=BUCKET)
        run_job(server, "warm", PYTHON, _TINY)
        parent = min(started_since(before, str(server.data_dir / "jobs" / "zygotes")))  # its forks look alike
        source = upload(server, _TINY)
        spent = group.cpu_s(), cpu_s(parent)
        server_cpu_s, begun = -cpu_s(server.pid), time.monotonic()
        sagemaker = client_of(server, "sagemaker")
        for number in range(QUEUED):
            sagemaker.create_training_job(**request(_name(number), PYTHON, source))
        for kill in range(kills):
            _until_ended(sagemaker, QUEUED * (kill + 1) // (kills + 2))
            server_cpu_s += cpu_s(server.pid)
            _restart(server, group)
        until(lambda: not _some(sagemaker, "InProgress"), within_s=600, every_s=_EVERY_S)
        took_s = time.monotonic() - begun
        server_cpu_s += cpu_s(server.pid)
        spent_s = group.cpu_s() - spent[0], cpu_s(parent) - spent[1]
        completed = len(_some(sagemaker, "Completed"))
        runs = Counter(line for number in range(QUEUED) for line in lines(server, _name(number)))
    return Drain(
        took_s,
        spent_s[0],
        server_cpu_s,
        spent_s[1],
        completed - 1,
        sum(count == 1 for count in runs.values()),
        sum(count > 1 for count in runs.values()),
    )


def _restart(server: Server, group: CpuGroup) -> None:
    server.kill()
    with group.entered():
        server.start()


def _name(number: int) -> str:
    return f"tiny-{number}"


def _until_ended(sagemaker: Any, number: int) -> None:
    def ended() -> bool:
        facts = sagemaker.describe_training_job(TrainingJobName=_name(number))
        return facts["TrainingJobStatus"] == "Completed"

    until(ended, within_s=300, every_s=_EVERY_S)


def _some(sagemaker: Any, status: str) -> list[Any]:
    """The jobs in a status; of those in progress, one at most."""
    most = 1 if status == "InProgress" else None
    pages = sagemaker.get_paginator("list_training_jobs").paginate(
        StatusEquals=status, PaginationConfig={"PageSize": most or 100, "MaxItems": most}
    )
    return [job for page in pages for job in page["TrainingJobSummaries"]]


def _by_hand(run: Callable[[Path], None]) -> ByHand:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "tiny.py"
        script.write_text(_TINY)
        begun, spent_s = time.monotonic(), _own_cpu_s()
        for _ in range(QUEUED):
            run(script)
        return ByHand(time.monotonic() - begun, _own_cpu_s() - spent_s)


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in used)


def _start_anew(script: Path) -> None:
    environment = {**os.environ, "TRAINING_JOB_NAME": "tiny"}
    subprocess.run([sys.executable, script], check=True, stdout=subprocess.DEVNULL, env=environment)


def _fork(script: Path) -> None:
    child = os.fork()
    if child == 0:
        os.environ["TRAINING_JOB_NAME"] = "tiny"
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        exec(compile(script.read_bytes(), str(script), "exec"), {"__name__": "__main__"})
        os._exit(0)
    os.waitpid(child, 0)
