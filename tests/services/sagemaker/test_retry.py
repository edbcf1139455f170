"""RetryStrategy: a run that was lost is tried again, as often as was asked for."""

import os
import signal
from typing import Any

import pytest

from sagesse.runtime.run_folder import holder
from sagesse.testing.server import Server

from .flow import BUCKET, finished, log_lines, make_bucket, script_job, until

CONTINUES = """
import os, signal
path = '/opt/ml/checkpoints/tries'
tries = int(open(path).read()) if os.path.exists(path) else 0
open(path, 'w').write(str(tries + 1))
print('try', tries, flush=True)
if tries < 2: signal.pause()
"""


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)


def lose(server: Server, runs: str = "training-*") -> None:
    """Kill the supervisor of the one run there is, as a machine that stops would."""
    (run,) = (server.data_dir / "jobs" / "runs").glob(runs)
    pid = holder(run)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def retried(server: Server, name: str, attempts: int) -> dict[str, Any]:
    config = {"S3Uri": f"s3://{BUCKET}/{name}"}
    strategy = {"MaximumRetryAttempts": attempts}
    return script_job(server, name, CONTINUES, CheckpointConfig=config, RetryStrategy=strategy)


def test_a_lost_run_is_tried_again_from_its_checkpoint(server: Server) -> None:
    server.client("sagemaker").create_training_job(**retried(server, "twice", 2))
    for number in range(2):
        until(lambda number=number: f"try {number}" in log_lines(server, "twice"))
        lose(server)
    facts = finished(server, "twice")
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    statuses = [entry["Status"] for entry in facts["SecondaryStatusTransitions"]]
    assert statuses.count("Restarting") == 2
    assert log_lines(server, "twice") == ["try 0", "try 1", "try 2"]


def test_it_is_not_tried_more_often_than_asked_for(server: Server) -> None:
    server.client("sagemaker").create_training_job(**retried(server, "once", 1))
    for number in range(2):
        until(lambda number=number: f"try {number}" in log_lines(server, "once"))
        lose(server)
    facts = finished(server, "once")
    assert facts["TrainingJobStatus"] == "Failed"
    assert facts["FailureReason"].startswith("InternalServerError: ")


def test_a_lost_host_is_a_lost_run_for_all(server: Server) -> None:
    source = CONTINUES.replace("checkpoints/tries", "checkpoints/' + os.environ['SM_CURRENT_HOST'] + '")
    request = retried(server, "host", 1) | script_job(
        server,
        "host",
        source.replace("tries < 2", "tries < 1"),
        ResourceConfig={"InstanceType": "ml.t3.medium", "InstanceCount": 2, "VolumeSizeInGB": 1},
        CheckpointConfig={"S3Uri": f"s3://{BUCKET}/host"},
    )
    server.client("sagemaker").create_training_job(**request)
    until(lambda: log_lines(server, "host") == ["try 0", "try 0"])
    lose(server, "training-*_2")
    facts = finished(server, "host")
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert sorted(log_lines(server, "host")) == ["try 0", "try 0", "try 1", "try 1"]
