"""The server under test, and what benchmarks put into it."""

import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.request import client
from sagesse.engines.jobs.local import LocalJobs
from sagesse.testing.server import Server

ROLE = "arn:aws:iam::123456789012:role/sagemaker"
REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
BUCKET = "bench"


@contextlib.contextmanager
def sagesse(*arguments: str, settings: Mapping[str, Any] | None = None) -> Iterator[Server]:
    """A durable server on a new data directory, on the disk of the current directory."""
    with (
        tempfile.TemporaryDirectory(dir=".", prefix=".bench-", ignore_cleanup_errors=True) as folder,
        Server(Path(folder).resolve(), ephemeral=False, arguments=arguments) as server,
    ):
        if settings:
            server.stop()
            (server.data_dir / "settings.json").write_text(json.dumps(settings))
            server.start()
        try:
            yield server
        finally:
            server.stop()
            _end_processes(server.data_dir)


def client_of(server: Server, service: str) -> Any:
    """A boto3 client of the server as its root user."""
    ready = server.ready
    return client(service, server.port, key=ready["access_key_id"], secret=ready["secret_access_key"])


def until(is_so: Callable[[], Any], *, within_s: float = 120, every_s: float = 0.02) -> Any:
    """What `is_so` answers once it is true; asked `every_s`, because asking costs the server too."""
    end = time.monotonic() + within_s
    while not (answer := is_so()):
        if time.monotonic() > end:
            raise TimeoutError(f"not true within {within_s} s")
        time.sleep(every_s)
    return answer


def training_request(name: str, image: str, **members: Any) -> dict[str, Any]:
    """A CreateTrainingJob request; `members` replace its members."""
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": f"{REGISTRY}/{image}", "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **members,
    }


def channel(name: str, uri: str, content_type: str = "text/csv") -> dict[str, Any]:
    """A training channel that reads everything under `uri`."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "ContentType": content_type}


def _end_processes(folder: Path) -> None:
    """End what lives on without a server: model servers and the pre-loaded parents of jobs."""
    jobs = LocalJobs(folder / "jobs")
    for run_id in jobs.runs():
        jobs.discard(run_id)
    jobs.stop_zygotes()
    jobs.close()
