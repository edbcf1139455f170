"""The training job of the story: made once, found again, followed while it runs."""

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs]

from sagesse.demo.album import Album
from sagesse.demo.cloud import Cloud, code_of, look

IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/image-classification:1"
EPOCHS = 15
HYPERPARAMETERS: Mapping[str, str] = {
    "use_pretrained_model": "1",
    "num_layers": "18",
    "num_classes": "2",
    "image_shape": "3,64,64",
    "resize": "72",
    "augmentation_type": "crop",
    "mini_batch_size": "16",
    "learning_rate": "0.02",
    "epochs": str(EPOCHS),
}

_LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_ROLE = "sagemaker"
_POLL_S = 0.5
_FINAL = ("Completed", "Failed", "Stopped")
_ACCURACY = re.compile(r"Epoch\[(\d+)\] Validation-accuracy=(\S+)")


class TrainingFailed(Exception):  # noqa: N818 - reads as the fact it states
    """The job did not complete; the text is why."""


class Happening(NamedTuple):
    """Something new about a job: the state it is in, a line of its log, the accuracy of an epoch."""

    state: str
    line: str = ""
    epoch: int | None = None
    accuracy: float = 0.0


def ensure_job(cloud: Cloud, bucket: str, album: Album) -> tuple[str, bool]:
    """The name of the training job for these photos, and whether it was made just now.

    A job that completed or still runs is taken; after one that failed or was stopped there is a new one.
    """
    parameters = {**HYPERPARAMETERS, "num_training_samples": str(len(album.of("train")))}
    parameters["mini_batch_size"] = str(min(16, len(album.of("train"))))
    told = json.dumps([album.stamp, parameters], sort_keys=True)
    base = f"marbles-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
    for attempt in range(1, 1000):
        name = f"{base}-{attempt}"
        job = look(cloud, "sagemaker", "describe_training_job", TrainingJobName=name)
        if job is None:
            _create(cloud, _request(cloud, name, bucket, album.stamp, parameters))
            return name, True
        if job["TrainingJobStatus"] in {"Completed", "InProgress"}:
            return name, False
    raise TrainingFailed(f"a thousand jobs {base}-* have failed")


def follow(cloud: Cloud, name: str) -> Iterator[Happening]:
    """What happens to a job until it has completed.

    Raises:
        TrainingFailed: it failed or was stopped.
    """
    log = _Log(cloud, name)
    state = ""
    while True:
        job = cloud.call("sagemaker", "describe_training_job", TrainingJobName=name)
        if job["SecondaryStatus"] != state:
            state = job["SecondaryStatus"]
            yield Happening(state)
        for line in log.new_lines():
            found = _ACCURACY.search(line)
            yield Happening(state, line, int(found[1]), float(found[2])) if found else Happening(state, line)
        if job["TrainingJobStatus"] == "Completed":
            return
        if job["TrainingJobStatus"] in _FINAL:
            reason = job.get("FailureReason", f"it was {job['TrainingJobStatus'].lower()}")
            raise TrainingFailed(f"training job {name}: {reason}")
        time.sleep(_POLL_S)


class _Log:
    """The job's log stream in CloudWatch Logs, read on from where the last reading ended."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self._cloud = cloud
        self._prefix = f"{name}/"
        self._stream = ""
        self._token: dict[str, str] = {}

    def new_lines(self) -> Iterator[str]:
        """The lines that came since the last call."""
        self._stream = self._stream or self._find()
        while self._stream:
            page = self._cloud.call(
                "logs",
                "get_log_events",
                logGroupName=_LOG_GROUP,
                logStreamName=self._stream,
                startFromHead=True,
                **self._token,
            )
            yield from (event["message"] for event in page["events"])
            if page["nextForwardToken"] == self._token.get("nextToken"):
                return
            self._token = {"nextToken": page["nextForwardToken"]}

    def _find(self) -> str:
        found = look(
            self._cloud,
            "logs",
            "describe_log_streams",
            logGroupName=_LOG_GROUP,
            logStreamNamePrefix=self._prefix,
        )
        streams: list[dict[str, str]] = found["logStreams"] if found else []
        return streams[0]["logStreamName"] if streams else ""


def _create(cloud: Cloud, request: Mapping[str, Any]) -> None:
    try:
        cloud.call("sagemaker", "create_training_job", **request)
    except ClientError as error:
        if code_of(error) != "ResourceInUse":  # else: made by a call whose answer was lost
            raise


def _request(
    cloud: Cloud, name: str, bucket: str, prefix: str, parameters: Mapping[str, str]
) -> dict[str, Any]:
    role = cloud.call("iam", "get_role", RoleName=_ROLE)["Role"]["Arn"]
    channels = ("train", "validation", "train_lst", "validation_lst")
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": dict(parameters),
        "InputDataConfig": [_channel(channel, f"s3://{bucket}/{prefix}/{channel}/") for channel in channels],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/output"},
        "ResourceConfig": {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "Tags": [{"Key": "project", "Value": "marbles"}],
    }


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {
        "ChannelName": name,
        "ContentType": "application/x-image",
        "DataSource": {"S3DataSource": source},
    }
