"""Training through the platform against the same script run by hand, two processes against one, and a long queue.

- Wall time of a script of some seconds as a job, against `python script.py` with the same library. What an empty job
  takes is told apart. Target: 1.03 times, plus that.
- Data parallel training (torch DDP, gloo) by two processes against one, both as jobs. Target: 1.5 times as fast on two
  cores.
- 200 tiny jobs created at once: how many end in a second, and whether each ran exactly once although the server is
  killed with kill -9 three times meanwhile. Target: 20 a second for each core of overhead.
"""

import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.report import save, show
from benchmarks.sagesse_server import BUCKET, client_of, sagesse, training_request, until
from sagesse.testing.server import Server

ROUNDS, QUEUED, KILLS = 3, 200, 3
_PYTHON, _TORCH = "sagemaker-base-python:1.0", "pytorch-training:2.3-cpu-py311"
_FINAL = {"Completed", "Failed", "Stopped"}

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
_TINY = "import os\nprint('ran', os.environ['TRAINING_JOB_NAME'], flush=True)\n"


def run() -> None:
    """Measure, print and save."""
    figures: dict[str, Any] = {}
    with sagesse() as server:
        client_of(server, "s3").create_bucket(Bucket=BUCKET)
        _job(server, "warm", _PYTHON, _EMPTY)
        figures["overhead"] = _overhead(server)
        figures["ddp"] = _data_parallel(server)
    figures["queue"] = _queue()
    save("training", figures)


def _overhead(server: Server) -> dict[str, float]:
    by_hand, as_job, empty = [], [], []
    for number in range(ROUNDS):
        by_hand.append(_by_hand(_NUMPY))
        as_job.append(_job(server, f"work-{number}", _PYTHON, _NUMPY))
        empty.append(_job(server, f"empty-{number}", _PYTHON, _EMPTY))
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
            _job(server, name, _TORCH, _DDP, **settings)
            (line,) = [line for line in _lines(server, name) if "seconds=" in line]
            found.append(float(line.partition("seconds=")[2].rstrip(";")))
    one, two = (statistics.median(times[processes]) for processes in (1, 2))
    show(
        "The same training by one process and by two",
        ["", "seconds", "x as fast"],
        [["one process", one, 1.0], ["two processes", two, one / two]],
        note="Target: 1.5 x as fast. Both are bound to one thread each.",
    )
    return {"one_s": one, "two_s": two}


def _queue() -> dict[str, float]:
    with sagesse(settings={"job_cores": 8}) as server:  # four at once: most of a tiny job is waiting
        client_of(server, "s3").create_bucket(Bucket=BUCKET)
        _job(server, "warm", _PYTHON, _EMPTY)
        source = _upload(server, _TINY)
        begun = time.monotonic()
        sagemaker = client_of(server, "sagemaker")
        for number in range(QUEUED):
            sagemaker.create_training_job(**_request(f"tiny-{number}", _PYTHON, source))
        created = time.monotonic() - begun
        for kill in range(KILLS):
            until(
                lambda kill=kill: _count(server)["Completed"] > QUEUED * (kill + 1) // (KILLS + 2),
                within_s=300,
            )
            server.kill()
            server.start()
        until(lambda: sum(_count(server)[status] for status in _FINAL) >= QUEUED + 1, within_s=600)
        took = time.monotonic() - begun
        statuses = _count(server)
        runs = Counter(line for n in range(QUEUED) for line in _lines(server, f"tiny-{n}"))
    once = sum(count == 1 for count in runs.values())
    show(
        f"{QUEUED} tiny jobs, {KILLS} times kill -9",
        ["", ""],
        [
            ["created in, s", created],
            ["all ended after, s", took],
            ["jobs a second", QUEUED / took],
            ["completed", statuses["Completed"] - 1],
            ["ran exactly once", once],
            ["ran more than once", sum(count > 1 for count in runs.values())],
        ],
    )
    return {"created_s": created, "took_s": took, "completed": statuses["Completed"] - 1, "once": once}


def _count(server: Server) -> Counter[str]:
    pages = client_of(server, "sagemaker").get_paginator("list_training_jobs").paginate(MaxResults=100)
    return Counter(job["TrainingJobStatus"] for page in pages for job in page["TrainingJobSummaries"])


def _by_hand(source: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "train.py"
        script.write_text(source)
        begun = time.monotonic()
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        subprocess.run([sys.executable, script], check=True, stdout=subprocess.DEVNULL, env=environment)
        return time.monotonic() - begun


def _job(server: Server, name: str, image: str, source: str, **settings: str) -> float:
    """Seconds from the request to the end of the job."""
    sagemaker = client_of(server, "sagemaker")
    request = _request(name, image, _upload(server, source), **settings)
    begun = time.monotonic()
    sagemaker.create_training_job(**request)

    def ended() -> dict[str, Any] | None:
        facts = sagemaker.describe_training_job(TrainingJobName=name)
        return facts if facts["TrainingJobStatus"] in _FINAL else None

    facts = until(ended, within_s=300)
    if facts["TrainingJobStatus"] != "Completed":
        raise RuntimeError(facts.get("FailureReason", "the job did not complete"))
    return time.monotonic() - begun


def _request(name: str, image: str, source: str, **settings: str) -> dict[str, Any]:
    hyperparameters = {
        "sagemaker_program": json.dumps("train.py"),
        "sagemaker_submit_directory": json.dumps(source),
        **settings,
    }
    request = training_request(name, image, HyperParameters=hyperparameters)
    if settings:
        request["ResourceConfig"]["InstanceType"] = "ml.m5.large"  # two cores
    return request


def _upload(server: Server, source: str) -> str:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(source)
        tar.addfile(member, io.BytesIO(source.encode()))
    key = f"code/{threading.get_ident()}-{abs(hash(source))}.tar.gz"
    client_of(server, "s3").put_object(Bucket=BUCKET, Key=key, Body=archive.getvalue())
    return f"s3://{BUCKET}/{key}"


def _lines(server: Server, name: str) -> list[str]:
    logs = client_of(server, "logs")
    group = "/aws/sagemaker/TrainingJobs"
    found: list[str] = []
    for stream in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]:
        page = logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
        )
        found += [event["message"] for event in page["events"]]
    return found
