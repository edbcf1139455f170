"""Training through the platform against the same script run by hand, two processes against one, and a long queue.

- Wall time of a script of some seconds as a job, against `python script.py` with the same library. What an empty job
  takes is told apart. Target: 1.03 times, plus that.
- Data parallel training (torch DDP, gloo) by two processes against one, both as jobs. Target: 1.5 times as fast on two
  cores.
- A long queue of tiny jobs; see `job_queue`.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import job_queue
from benchmarks.report import save, show
from benchmarks.sagesse_server import BUCKET, client_of, sagesse
from benchmarks.script_job import PYTHON, TORCH, lines, run_job
from sagesse.testing.server import Server

ROUNDS = 3

_EMPTY = "pass\n"
_NUMPY = """\
import numpy
state = numpy.random.default_rng(0).normal(size=(400, 400))
for _ in range(400):
    state = numpy.tanh(state @ state.T / 400)
print(state.sum())
"""
_DDP = """\
import os, time, torch, torch.distributed as dist
torch.set_num_threads(1)
for ours, of_mpi in (("RANK", "RANK"), ("WORLD_SIZE", "SIZE")):  # mpirun has names of its own
    os.environ.setdefault(ours, os.environ.get(f"OMPI_COMM_WORLD_{of_mpi}", ""))
dist.init_process_group("gloo")
size = dist.get_world_size()
torch.manual_seed(0)
model = torch.nn.Sequential(*(torch.nn.Linear(512, 512) for _ in range(6)))
parallel = torch.nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.SGD(parallel.parameters(), lr=0.01)
x = torch.randn(4096 // size, 512)
dist.barrier()
begun = time.monotonic()
for _ in range(15):
    optimizer.zero_grad()
    parallel(x).square().mean().backward()
    optimizer.step()
if dist.get_rank() == 0:
    print(f"seconds={time.monotonic() - begun:.4f};", flush=True)
dist.destroy_process_group()
"""


def run() -> None:
    """Measure, print and save."""
    figures: dict[str, Any] = {}
    with sagesse() as server:
        client_of(server, "s3").create_bucket(Bucket=BUCKET)
        run_job(server, "warm", PYTHON, _EMPTY)
        figures["overhead"] = _overhead(server)
        figures["ddp"] = _data_parallel(server)
    figures["queue"] = job_queue.measure()
    save("training", figures)


def _overhead(server: Server) -> dict[str, float]:
    by_hand, as_job, empty = [], [], []
    for number in range(ROUNDS):
        by_hand.append(_by_hand(_NUMPY))
        as_job.append(run_job(server, f"work-{number}", PYTHON, _NUMPY))
        empty.append(run_job(server, f"empty-{number}", PYTHON, _EMPTY))
    hand, job, fixed = (statistics.median(times) for times in (by_hand, as_job, empty))
    show(
        "A script of some seconds",
        ["", "seconds", "x by hand"],
        [["by hand", hand, 1.0], ["as a job", job, job / hand], ["an empty job", fixed, fixed / hand]],
        note=f"Without the fixed part: {(job - fixed) / hand:.3f} x by hand. Target: 1.03.",
    )
    return {"by_hand_s": hand, "job_s": job, "empty_job_s": fixed}


def _data_parallel(server: Server) -> dict[str, float]:
    times: dict[int, list[float]] = {1: [], 2: []}
    for number in range(ROUNDS):
        for processes, found in times.items():
            settings = {
                "sagemaker_mpi_enabled": "true",
                "sagemaker_mpi_num_of_processes_per_host": str(processes),
            }
            name = f"ddp-{processes}-{number}"
            run_job(server, name, TORCH, _DDP, **settings)
            (line,) = [line for line in lines(server, name) if "seconds=" in line]
            found.append(float(line.partition("seconds=")[2].rstrip(";")))
    one, two = (statistics.median(times[processes]) for processes in (1, 2))
    show(
        "The same training by one process and by two",
        ["", "seconds", "x as fast"],
        [["one process", one, 1.0], ["two processes", two, one / two]],
        note="Target: 1.5 x as fast. Both are bound to one thread each.",
    )
    return {"one_s": one, "two_s": two}


def _by_hand(source: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "train.py"
        script.write_text(source)
        begun = time.monotonic()
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        subprocess.run([sys.executable, script], check=True, stdout=subprocess.DEVNULL, env=environment)
        return time.monotonic() - begun
