"""From CreateTrainingJob to the first line of user code, and to the end of the job.

The moment is the time of the job's first log line, so polling does not count: a script prints it at once,
image-classification when it has read its settings and weights, xgboost after its first round. "Warm" jobs find their
pre-loaded parent process; the first job of each kind, which starts it, is told apart. Target: 0.5 s for a warm
built-in algorithm.
"""

import io
import json
import statistics
import tarfile
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from benchmarks.report import save, show
from benchmarks.sagesse_server import BUCKET, channel, client_of, sagesse, training_request, until
from sagesse.demo.marble import dataset
from sagesse.testing.server import Server

WARM_JOBS = 7
_SCRIPT = b"print('user code runs', flush=True)\n"
_PHOTOS = 16
_IMAGE_SETTINGS = {
    "use_pretrained_model": "1",
    "num_layers": "18",
    "num_classes": "2",
    "num_training_samples": str(_PHOTOS),
    "image_shape": "3,64,64",
    "mini_batch_size": "8",
    "epochs": "1",
}
_GROUP = "/aws/sagemaker/TrainingJobs"


class Times(NamedTuple):
    """Seconds from the request: until it was answered, until user code ran, until the job was final."""

    answered: float
    running: float
    ended: float


def run() -> None:
    """Measure, print and save."""
    found: dict[str, list[Times]] = {}
    with sagesse() as server:
        s3 = client_of(server, "s3")
        s3.create_bucket(Bucket=BUCKET)
        for name, request in _requests(s3):
            found[name] = [_run(server, f"{name}-{number}", request) for number in range(WARM_JOBS + 1)]
    show(
        "CreateTrainingJob, seconds until",
        ["", "answered", "user code runs", "lowest", "highest", "job is final", "first job: user code"],
        [[name, *_summary(times[1:]), times[0].running] for name, times in found.items()],
        note="Medians of warm jobs. Target: user code within 0.5 s.",
    )
    save("job", {name: [one._asdict() for one in times] for name, times in found.items()})


def _summary(times: list[Times]) -> Iterator[float]:
    yield statistics.median(one.answered for one in times)
    running = [one.running for one in times]
    yield from (statistics.median(running), min(running), max(running))
    yield statistics.median(one.ended for one in times)


def _run(server: Server, name: str, request: dict[str, Any]) -> Times:
    sagemaker, logs = client_of(server, "sagemaker"), client_of(server, "logs")
    sagemaker.list_training_jobs()  # the connection is open before the clock starts
    begun = time.time()
    sagemaker.create_training_job(**request, TrainingJobName=name)
    answered = time.time()

    def facts() -> dict[str, Any] | None:
        found = sagemaker.describe_training_job(TrainingJobName=name)
        return found if found["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"} else None

    job = until(facts)
    ended = time.time()
    if job["TrainingJobStatus"] != "Completed":
        raise RuntimeError(job.get("FailureReason", "the job did not complete"))
    return Times(answered - begun, _first_line(logs, name) - begun, ended - begun)


def _first_line(logs: Any, name: str) -> float:
    streams = logs.describe_log_streams(logGroupName=_GROUP, logStreamNamePrefix=f"{name}/")["logStreams"]
    events = logs.get_log_events(
        logGroupName=_GROUP, logStreamName=streams[0]["logStreamName"], startFromHead=True
    )["events"]
    return events[0]["timestamp"] / 1000


def _requests(s3: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """A small job of each kind; its data is uploaded."""
    yield "script", _request("sagemaker-base-python:1.0", _script(s3))
    rows = "\n".join(f"{int(x * y > 20)},{x},{y}" for x in range(10) for y in range(10))
    s3.put_object(Bucket=BUCKET, Key="table/rows.csv", Body=rows.encode())
    trees = {"num_round": "5", "objective": "binary:logistic"}
    table = channel("train", f"s3://{BUCKET}/table/")
    yield "xgboost", _request("sagemaker-xgboost:1.7-1", trees, [table])
    yield (
        "image-classification",
        _request("image-classification:1", _IMAGE_SETTINGS, list(_image_channels(s3))),
    )


def _request(
    image: str, settings: dict[str, str], channels: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    request = training_request("", image, HyperParameters=settings)
    del request["TrainingJobName"]
    return {**request, "InputDataConfig": channels} if channels else request


def _script(s3: Any) -> dict[str, str]:
    """Upload the script; the hyperparameters that name it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(_SCRIPT)
        tar.addfile(member, io.BytesIO(_SCRIPT))
    s3.put_object(Bucket=BUCKET, Key="code.tar.gz", Body=archive.getvalue())
    return {
        "sagemaker_program": json.dumps("train.py"),
        "sagemaker_submit_directory": json.dumps(f"s3://{BUCKET}/code.tar.gz"),
    }


def _image_channels(s3: Any) -> Iterator[dict[str, Any]]:
    """Upload a few photos as the channels that image-classification reads."""
    photos = list(dataset(_PHOTOS, 1))
    for photo in photos:
        s3.put_object(Bucket=BUCKET, Key=f"photos/{photo.number}.jpg", Body=photo.jpeg)
    lines = [f"{photo.number}\t{int(photo.label == 'ok')}\t{photo.number}.jpg" for photo in photos]
    s3.put_object(Bucket=BUCKET, Key="lists/all.lst", Body="\n".join(lines).encode())
    for name in ("train", "validation"):
        yield channel(name, f"s3://{BUCKET}/photos/", "application/x-image")
        yield channel(f"{name}_lst", f"s3://{BUCKET}/lists/", "application/x-image")
