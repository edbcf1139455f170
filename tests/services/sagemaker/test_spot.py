"""Managed spot training: interrupted, started again, gone on from the checkpoint; its price and its time limit."""

import tarfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

from .flow import BUCKET, finished, interrupt, log_lines, make_bucket, run_job, script_job, until

CONTINUES = """
import os, signal
path = '/opt/ml/checkpoints/step'
step = int(open(path).read()) if os.path.exists(path) else 0
print('step', step, flush=True)
open(path, 'w').write(str(step + 1))
open('/opt/ml/model/trace', 'a').write(str(step))
if step == 0: signal.pause()
"""
WAITS = "import signal\nprint('ready', flush=True)\nsignal.pause()"


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)


def spot_job(server: Server, name: str, source: str, **members: Any) -> dict[str, Any]:
    limits = {"MaxRuntimeInSeconds": 120, "MaxWaitTimeInSeconds": 240}
    return script_job(
        server,
        name,
        source,
        **{"EnableManagedSpotTraining": True, "StoppingCondition": limits, **members},
    )


def statuses(facts: dict[str, Any]) -> list[str]:
    return [entry["Status"] for entry in facts["SecondaryStatusTransitions"]]


def test_an_interrupted_job_goes_on_from_its_checkpoint(server: Server) -> None:
    config = {"S3Uri": f"s3://{BUCKET}/ckpt/goes-on"}
    client = server.client("sagemaker")
    client.create_training_job(**spot_job(server, "goes-on", CONTINUES, CheckpointConfig=config))
    until(lambda: "step 0" in log_lines(server, "goes-on"))
    assert interrupt(server, "goes-on") == 200
    facts = finished(server, "goes-on")
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert statuses(facts) == [
        "Starting",
        "Downloading",
        "Training",
        "Interrupted",
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert log_lines(server, "goes-on") == ["step 0", "step 1"]


def test_each_run_has_a_log_stream_of_its_own(server: Server) -> None:
    streams = server.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="goes-on/algo-1-"
    )["logStreams"]
    assert len(streams) == 2


def test_what_an_interrupted_run_left_on_the_machine_is_lost(server: Server) -> None:
    """But for its checkpoints: the model holds only what the last run wrote."""
    body = server.client("s3").get_object(Bucket=BUCKET, Key="out/goes-on/output/model.tar.gz")["Body"]
    (server.data_dir / "model.tar.gz").write_bytes(body.read())
    assert trace(server.data_dir / "model.tar.gz") == "1"


def trace(archive: Path) -> str:
    with tarfile.open(archive) as tar:
        file = tar.extractfile("trace")
        assert file is not None
        return file.read().decode()


def test_spot_time_is_billed_at_a_discount(server: Server) -> None:
    facts = run_job(server, spot_job(server, "billed", "import time\ntime.sleep(0.1)"))
    assert facts["EnableManagedSpotTraining"] is True
    assert facts["BillableTimeInSeconds"] <= facts["TrainingTimeInSeconds"]


def test_a_stopped_job_is_not_started_again(server: Server) -> None:
    client = server.client("sagemaker")
    client.create_training_job(**spot_job(server, "stops", WAITS))
    until(lambda: "ready" in log_lines(server, "stops"))
    client.stop_training_job(TrainingJobName="stops")
    interrupt(server, "stops")
    facts = finished(server, "stops")
    assert facts["TrainingJobStatus"] == "Stopped"
    assert "Interrupted" not in statuses(facts)


def test_only_spot_jobs_are_interrupted(server: Server) -> None:
    run_job(server, script_job(server, "on-demand", ""))
    assert interrupt(server, "on-demand") == 400
    assert interrupt(server, "no-such-job") == 400


def test_a_job_that_runs_into_its_wait_time_is_stopped(server: Server) -> None:
    limits = {"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 2}
    facts = run_job(server, spot_job(server, "late", WAITS, StoppingCondition=limits))
    assert (facts["TrainingJobStatus"], facts["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")


def test_a_job_that_waits_too_long_for_capacity_is_stopped(server: Server) -> None:
    whole = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
    client = server.client("sagemaker")
    client.create_training_job(**script_job(server, "holds", WAITS, ResourceConfig=whole))
    until(lambda: "ready" in log_lines(server, "holds"))
    limits = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}
    request = spot_job(server, "in-vain", "", ResourceConfig=whole, StoppingCondition=limits)
    facts = run_job(server, request)
    assert (facts["TrainingJobStatus"], facts["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    client.stop_training_job(TrainingJobName="holds")
    finished(server, "holds")


@pytest.mark.parametrize(
    "limits", [{"MaxRuntimeInSeconds": 60}, {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}]
)
def test_the_wait_time_includes_the_runtime(server: Server, limits: dict[str, int]) -> None:
    with pytest.raises(ClientError, match="Invalid MaxWaitTimeInSeconds"):
        server.client("sagemaker").create_training_job(
            **spot_job(server, "refused", "", StoppingCondition=limits)
        )


def test_a_wait_time_without_spot_is_refused(server: Server) -> None:
    limits = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
    with pytest.raises(ClientError, match="only be specified when EnableManagedSpotTraining"):
        server.client("sagemaker").create_training_job(
            **script_job(server, "refused", "", StoppingCondition=limits)
        )
