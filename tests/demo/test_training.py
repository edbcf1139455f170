"""Which training job the story takes, and what it hears of it."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.demo import training
from sagesse.demo.album import Album, Picture
from sagesse.demo.training import Happening, TrainingFailed, ensure_job, follow

ALBUM = Album("stamp", tuple(Picture("train", f"{n}.jpg", "ok", "plain") for n in range(20)))


class Cloud:
    """Answers from a table of jobs and a log; `creates` are the requests it got."""

    def __init__(self, *statuses: str) -> None:
        self.statuses = list(statuses)
        self.creates: list[dict[str, Any]] = []
        self.refusal = ""

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        match operation:
            case "get_role":
                return {"Role": {"Arn": "arn:aws:iam::1:role/sagemaker"}}
            case "create_training_job":
                self.creates.append(params)
                if self.refusal:
                    raise ClientError({"Error": {"Code": self.refusal}}, "CreateTrainingJob")
                return {}
            case _:
                attempt = int(params["TrainingJobName"].rsplit("-", 1)[-1])
                if attempt > len(self.statuses):
                    raise ClientError({"Error": {"Code": "ResourceNotFound"}}, "DescribeTrainingJob")
                return {"TrainingJobStatus": self.statuses[attempt - 1]}


@pytest.mark.parametrize(
    ("statuses", "attempt", "is_new"),
    [
        ([], 1, True),
        (["Completed"], 1, False),
        (["InProgress"], 1, False),
        (["Failed"], 2, True),
        (["Stopped", "Failed"], 3, True),
        (["Failed", "Completed"], 2, False),
    ],
)
def test_a_job_that_did_or_does_its_work_is_taken(statuses: list[str], attempt: int, is_new: bool) -> None:
    cloud = Cloud(*statuses)
    name, made = ensure_job(cloud, "bucket", ALBUM)  # type: ignore[arg-type]
    assert (name.rsplit("-", 1)[-1], made) == (str(attempt), is_new)
    assert [request["TrainingJobName"] for request in cloud.creates] == ([name] if is_new else [])


def test_the_name_follows_from_the_photos() -> None:
    first, again, other = (
        ensure_job(Cloud(), "bucket", album)[0]  # type: ignore[arg-type]
        for album in (ALBUM, ALBUM, Album("other", ALBUM.pictures))
    )
    assert first == again != other


def test_a_job_whose_answer_was_lost_counts_as_made() -> None:
    cloud = Cloud()
    cloud.refusal = "ResourceInUse"
    assert ensure_job(cloud, "bucket", ALBUM)[1]  # type: ignore[arg-type]


def test_any_other_refusal_is_passed_on() -> None:
    cloud = Cloud()
    cloud.refusal = "AccessDeniedException"
    with pytest.raises(ClientError):
        ensure_job(cloud, "bucket", ALBUM)  # type: ignore[arg-type]


def test_the_request_names_every_channel() -> None:
    cloud = Cloud()
    ensure_job(cloud, "bucket", ALBUM)  # type: ignore[arg-type]
    channels = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in cloud.creates[0]["InputDataConfig"]
    }
    names = ("train", "validation", "train_lst", "validation_lst")
    assert channels == {name: f"s3://bucket/stamp/{name}/" for name in names}
    assert cloud.creates[0]["HyperParameters"]["num_training_samples"] == "20"


class Running:
    """A job that goes through `states`, one description each, with a log that grows by a page each time."""

    def __init__(self, states: list[tuple[str, str]], pages: list[list[str]]) -> None:
        self.states = states
        self.pages = pages
        self.read = 0

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        match operation:
            case "describe_training_job":
                status, secondary = self.states.pop(0)
                return {
                    "TrainingJobStatus": status,
                    "SecondaryStatus": secondary,
                    "FailureReason": "bad luck",
                }
            case "describe_log_streams":
                if len(self.states) > 2:
                    raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeLogStreams")
                return {"logStreams": [{"logStreamName": "job/algo-1-1"}]}
            case _:
                assert params.get("nextToken", "0") == str(self.read)
                if self.read < len(self.pages):
                    self.read += 1
                    lines = self.pages[self.read - 1]
                else:
                    lines = []
                return {"events": [{"message": line} for line in lines], "nextForwardToken": str(self.read)}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_POLL_S", 0)


def test_states_and_lines_are_told_once_and_in_order() -> None:
    job = Running(
        [
            ("InProgress", "Starting"),
            ("InProgress", "Training"),
            ("InProgress", "Training"),
            ("Completed", "Completed"),
        ],
        [["hello", "Epoch[0] Validation-accuracy=0.5"], ["Epoch[1] Validation-accuracy=0.75"]],
    )
    assert list(follow(job, "job")) == [  # type: ignore[arg-type]
        Happening("Starting"),
        Happening("Training"),
        Happening("Training", "hello"),
        Happening("Training", "Epoch[0] Validation-accuracy=0.5", 0, 0.5),
        Happening("Training", "Epoch[1] Validation-accuracy=0.75", 1, 0.75),
        Happening("Completed"),
    ]


def test_a_failed_job_says_why() -> None:
    with pytest.raises(TrainingFailed, match="training job job: bad luck"):
        list(follow(Running([("Failed", "Failed")], []), "job"))  # type: ignore[arg-type]
