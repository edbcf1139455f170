"""Jobs that run a Python file: uploaded, created, awaited, and their output."""

import io
import json
import tarfile
import time
from typing import Any

from benchmarks.sagesse_server import BUCKET, client_of, training_request, until
from sagesse.testing.server import Server

PYTHON, TORCH = "sagemaker-base-python:1.0", "pytorch-training:2.3-cpu-py311"
FINAL = {"Completed", "Failed", "Stopped"}


def upload(server: Server, source: str) -> str:
    """Store a script as the archive that script mode takes; its URI."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(source)
        tar.addfile(member, io.BytesIO(source.encode()))
    key = f"code/{abs(hash(source))}.tar.gz"
    client_of(server, "s3").put_object(Bucket=BUCKET, Key=key, Body=archive.getvalue())
    return f"s3://{BUCKET}/{key}"


def request(name: str, image: str, source: str, **settings: str) -> dict[str, Any]:
    """A CreateTrainingJob request for an uploaded script; with `settings`, further hyperparameters, on two cores."""
    hyperparameters = {
        "sagemaker_program": json.dumps("train.py"),
        "sagemaker_submit_directory": json.dumps(source),
        **settings,
    }
    wanted = training_request(name, image, HyperParameters=hyperparameters)
    if settings:
        wanted["ResourceConfig"]["InstanceType"] = "ml.m5.large"
    return wanted


def run_job(server: Server, name: str, image: str, source: str, **settings: str) -> float:
    """Seconds from the request to the end of the job."""
    sagemaker = client_of(server, "sagemaker")
    wanted = request(name, image, upload(server, source), **settings)
    begun = time.monotonic()
    sagemaker.create_training_job(**wanted)

    def ended() -> dict[str, Any] | None:
        facts = sagemaker.describe_training_job(TrainingJobName=name)
        return facts if facts["TrainingJobStatus"] in FINAL else None

    facts = until(ended, within_s=300)
    if facts["TrainingJobStatus"] != "Completed":
        raise RuntimeError(facts.get("FailureReason", "the job did not complete"))
    return time.monotonic() - begun


def lines(server: Server, name: str) -> list[str]:
    """What the job printed."""
    logs = client_of(server, "logs")
    group = "/aws/sagemaker/TrainingJobs"
    found: list[str] = []
    for stream in logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]:
        page = logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
        )
        found += [event["message"] for event in page["events"]]
    return found
