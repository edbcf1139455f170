"""What a small job costs the store: each state is told, and those over in a moment are written with the next."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sagesse.core import reconcile
from sagesse.core.call import Context
from sagesse.core.event import Event
from sagesse.core.policy.identity import SESSION
from sagesse.core.record import Change, Key
from sagesse.core.store_sqlite import SqliteStore
from sagesse.services.sagemaker import _channel_files, _stoppable
from sagesse.services.sagemaker._run import JobRun
from sagesse.services.sagemaker._transfer import Location

from .flow import BUCKET, PYTHON, ROLE, until
from .local import ACCOUNT, REGION, LocalApp, local_app

STATES = ["Starting", "Downloading", "Training", "Uploading", "Completed"]


def request(*command: str) -> dict[str, Any]:
    """A job that has nothing to download but runs a program of the machine."""
    return {
        "TrainingJobName": "small",
        "AlgorithmSpecification": {
            "TrainingImage": PYTHON,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": list(command),
        },
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


def run(local: LocalApp, *command: str) -> dict[str, Any]:
    local.call("CreateBucket", "s3", Bucket=BUCKET)
    local.call("CreateTrainingJob", **request(*command))
    return until(lambda: _ended(local))


def _ended(local: LocalApp) -> Any:
    facts = local.call("DescribeTrainingJob", TrainingJobName="small")
    return facts if facts["TrainingJobStatus"] in {"Completed", "Failed", "Stopped"} else None


def states(facts: dict[str, Any]) -> list[str]:
    return [entry["Status"] for entry in facts["SecondaryStatusTransitions"]]


def told(local: LocalApp) -> list[str]:
    """The states of the job that events told of, in order."""
    local.app.bus.move()
    messages = [entry.message for entry in local.app.bus.journal.entries(after=0, limit=100)]
    events = [one for one in messages if isinstance(one, Event) and "TrainingJobName" in one.detail]
    return [event.detail["SecondaryStatus"] for event in events]


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by the state of the job with each change of its record."""
    seen: list[str] = []
    update: Callable[..., Any] = SqliteStore.update

    def count(store: SqliteStore, key: Key, change: Change) -> Any:
        record = update(store, key, change)
        if key.kind == "sagemaker:TrainingJob" and record is not None:
            seen.append(record.output["SecondaryStatus"])
        return record

    monkeypatch.setattr(SqliteStore, "update", count)
    return seen


def test_a_job_with_little_to_move_is_changed_twice(tmp_path: Path, updates: list[str]) -> None:
    with local_app(tmp_path) as local:
        facts = run(local, "true")
        assert states(facts) == told(local) == STATES
    assert updates == ["Training", "Completed"]


def test_a_job_that_leaves_much_is_seen_uploading(tmp_path: Path, updates: list[str]) -> None:
    with local_app(tmp_path) as local:
        facts = run(local, "/bin/sh", "-c", "head -c 100000 /dev/zero > /opt/ml/model/weights")
        assert states(facts) == told(local) == STATES
    assert updates == ["Training", "Uploading", "Completed"]


def test_a_job_that_cannot_be_stored_has_been_uploading(tmp_path: Path) -> None:
    with local_app(tmp_path) as local:
        local.call("CreateBucket", "s3", Bucket=BUCKET)
        gone = {"OutputDataConfig": {"S3OutputPath": "s3://no-such-bucket/out"}}
        local.call("CreateTrainingJob", **{**request("true"), **gone})

        def ended() -> Any:
            facts = local.call("DescribeTrainingJob", TrainingJobName="small")
            return facts if facts["TrainingJobStatus"] == "Failed" else None

        facts = until(ended)
        assert states(facts) == told(local) == [*STATES[:-1], "Failed"]


def test_what_acts_for_a_job_ends_in_the_same_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    update: Callable[..., Any] = SqliteStore.update

    def look(store: SqliteStore, key: Key, change: Change) -> Any:
        record = update(store, key, change)
        if key.kind == "sagemaker:TrainingJob" and record is not None and record.status == "Completed":
            session = store.get(Key(SESSION, record.account, "", record.state["access_key_id"]))
            assert session is not None
            seen.append(session.state["expires"])
        return record

    monkeypatch.setattr(SqliteStore, "update", look)
    with local_app(tmp_path) as local:
        run(local, "true")
        ended = seen[0]
        assert ended <= local.clock.now()
        record = local.app.store.get(Key("sagemaker:TrainingJob", ACCOUNT, REGION, "small"))
        assert record is not None
        credential = local.app.identities.find(record.state["access_key_id"])
        assert credential is not None
        assert credential.expires == ended


@pytest.mark.parametrize(("failures", "status"), [(2, "Completed"), (100, "Failed")])
def test_a_job_that_cannot_be_prepared_is_tried_again_and_then_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, status: str
) -> None:
    left = [OSError("no room")] * failures
    download = JobRun._download

    def fail(run: JobRun, job: Any) -> float | None:
        if left:
            raise left.pop()
        return download(run, job)

    monkeypatch.setattr(JobRun, "_download", fail)
    monkeypatch.setattr(reconcile, "_FIRST_PAUSE_S", 0.001)
    with local_app(tmp_path) as local:
        facts = run(local, "true")
    assert facts["TrainingJobStatus"] == status
    if status == "Failed":
        assert facts["FailureReason"] == (
            "InternalServerError: We encountered an internal error. Please try again. (OSError('no room'))"
        )


def test_a_job_is_stopped_between_two_objects_of_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    get = _channel_files._get

    def stop_at_the_third(ctx: Context, place: Location) -> Any:
        answer = get(ctx, place)
        fetched.append(place.key)
        if len(fetched) == 3:
            local.call("StopTrainingJob", TrainingJobName="small")
        return answer

    monkeypatch.setattr(_channel_files, "_get", stop_at_the_third)
    monkeypatch.setattr(_stoppable, "_LOOK_S", 0)
    wanted = request("true")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in/"}
    wanted["InputDataConfig"] = [{"ChannelName": "in", "DataSource": {"S3DataSource": source}}]
    with local_app(tmp_path) as local:
        local.call("CreateBucket", "s3", Bucket=BUCKET)
        for number in range(9):
            local.call("PutObject", "s3", Bucket=BUCKET, Key=f"in/{number}", Body=b"x")
        local.call("CreateTrainingJob", **wanted)
        facts = until(lambda: _ended(local))
    assert facts["TrainingJobStatus"] == "Stopped"
    assert len(fetched) == 3
