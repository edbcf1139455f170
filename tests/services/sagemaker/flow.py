"""What tests of SageMaker share: small jobs, and waiting for their end."""

import io
import json
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from threading import Event
from time import monotonic
from typing import Any

from sagesse.testing.server import Server

ROLE = "arn:aws:iam::123456789012:role/sagemaker"
PYTHON = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python:1.0"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
BUCKET = "flows"
_DEADLINE_S = 110  # within the bound of a test
_FINAL = {"Completed", "Failed", "Stopped"}


def until(is_so: Callable[[], Any], *, deadline_s: float = _DEADLINE_S) -> Any:
    """What `is_so` answers once it is true; fails after the deadline."""
    end = monotonic() + deadline_s
    while not (answer := is_so()):
        assert monotonic() < end, "it did not become true in time"
        Event().wait(0.02)
    return answer


def make_bucket(server: Server) -> None:
    server.client("s3").create_bucket(Bucket=BUCKET)


def stored(server: Server, prefix: str) -> list[str]:
    """What is stored below a prefix, by the rest of its key."""
    found = server.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    return [entry["Key"].removeprefix(prefix) for entry in found]


def archive(files: Mapping[str, str]) -> bytes:
    """A tar.gz of these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def put_script(server: Server, name: str, source: str) -> str:
    """Upload a script as a source archive; returns its URI."""
    key = f"code/{name}.tar.gz"
    server.client("s3").put_object(Bucket=BUCKET, Key=key, Body=archive({"train.py": source}))
    return f"s3://{BUCKET}/{key}"


def script_job(server: Server, name: str, source: str, **members: Any) -> dict[str, Any]:
    """The request of a job that runs `source`; `members` replace its members."""
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": PYTHON, "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "HyperParameters": {
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(put_script(server, name, source)),
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 120},
        **members,
    }


def run_job(server: Server, request: dict[str, Any]) -> dict[str, Any]:
    """Create the job and wait for its end; returns its description."""
    server.client("sagemaker").create_training_job(**request)
    return finished(server, request["TrainingJobName"])


def finished(server: Server, name: str) -> dict[str, Any]:
    client = server.client("sagemaker")

    def look() -> dict[str, Any] | None:
        facts = client.describe_training_job(TrainingJobName=name)
        return facts if facts["TrainingJobStatus"] in _FINAL else None

    return until(look)


def ran(facts: Mapping[str, Any]) -> bool:
    """Whether a training job's process was started."""
    return "Training" in [entry["Status"] for entry in facts["SecondaryStatusTransitions"]]


def channel(name: str, uri: str, content_type: str = "text/csv") -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": content_type, "DataSource": {"S3DataSource": source}}


def log_lines(server: Server, name: str, group: str = "/aws/sagemaker/TrainingJobs") -> list[str]:
    """What the job printed; nothing while there is no log yet."""
    logs = server.client("logs")
    try:
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    lines: list[str] = []
    for stream in streams:
        events = logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
        )["events"]
        lines += [event["message"] for event in events]
    return lines


def artifact_names(server: Server, uri: str) -> list[str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = server.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        return tar.getnames()


def interrupt(server: Server, name: str) -> int:
    """Take the job's capacity back; the HTTP status."""
    body = json.dumps({"TrainingJobName": name}).encode()
    request = urllib.request.Request(f"{server.url}/_sagesse/interrupt", data=body, method="POST")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code
