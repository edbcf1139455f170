"""What a job's place means inside it: memory as a limit, GPUs of its own."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sagesse.testing.server import Server

from .flow import log_lines, make_bucket, run_job, script_job, until

SHOWS_GPUS = "import os\nprint('gpus', os.environ.get('CUDA_VISIBLE_DEVICES'))"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that thinks it has 256 MiB and two GPUs, and limits memory."""
    folder = tmp_path_factory.mktemp("small")
    settings = {"job_cores": 4, "job_memory_gib": 0.25, "job_memory_limit": True, "job_gpus": 2}
    (folder / "settings.json").write_text(json.dumps(settings))
    with Server(folder) as server:
        make_bucket(server)
        yield server


def job(server: Server, name: str, source: str, kind: str) -> dict[str, Any]:
    config = {"InstanceType": kind, "InstanceCount": 1, "VolumeSizeInGB": 1}
    return script_job(server, name, source, ResourceConfig=config)


def test_a_job_that_uses_more_memory_than_its_type_claims_is_ended(small: Server) -> None:
    greedy = "import time\nheld = bytearray(b'x') * 400_000_000\ntime.sleep(60)"
    facts = run_job(small, job(small, "greedy", greedy, "ml.c5.xlarge"))
    assert facts["TrainingJobStatus"] == "Failed"
    assert facts["FailureReason"].startswith("AlgorithmError: OutOfMemory")


def test_a_job_sees_the_gpus_it_got(small: Server) -> None:
    run_job(small, job(small, "one-gpu", SHOWS_GPUS, "ml.g5.xlarge"))
    assert log_lines(small, "one-gpu") == ["gpus 0"]
    run_job(small, job(small, "all-gpus", SHOWS_GPUS, "ml.p3.16xlarge"))
    assert log_lines(small, "all-gpus") == ["gpus 0,1"]
    run_job(small, job(small, "no-gpu", SHOWS_GPUS, "ml.m5.large"))
    assert log_lines(small, "no-gpu") == ["gpus "]


def test_a_job_that_wants_a_gpu_in_use_says_so(small: Server) -> None:
    client = small.client("sagemaker")
    waits = "import signal\nprint('ready', flush=True)\nsignal.pause()"
    client.create_training_job(**job(small, "has-gpus", waits, "ml.g5.12xlarge"))
    until(lambda: "ready" in log_lines(small, "has-gpus"))
    client.create_training_job(**job(small, "wants-gpu", "", "ml.g5.xlarge"))
    waiting = until(
        lambda: (
            (facts := client.describe_training_job(TrainingJobName="wants-gpu"))["SecondaryStatus"]
            == "Pending"
            and facts
        )
    )
    assert "1 more GPUs" in waiting["SecondaryStatusTransitions"][-1]["StatusMessage"]
    client.stop_training_job(TrainingJobName="wants-gpu")
    client.stop_training_job(TrainingJobName="has-gpus")


@pytest.mark.parametrize("kind", ["ml.m99.large", "m5.large"])
def test_an_unknown_type_is_refused_with_what_is_known(small: Server, kind: str) -> None:
    client = small.client("sagemaker")
    with pytest.raises(client.exceptions.ClientError, match=r"enum value set: \[.*ml.m5.large"):
        client.create_training_job(**job(small, "unknown", "", kind))
