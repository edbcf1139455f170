"""What a kind tells, seen in the outbox of the store."""

from collections.abc import Callable
from typing import Any

import pytest

from sagesse.core.call import Context
from sagesse.core.error import validation_error
from sagesse.core.event import Event
from sagesse.core.kind import Kind
from sagesse.core.lifecycle import Lifecycle
from sagesse.core.principal import Principal
from sagesse.core.scope import Scope
from sagesse.core.service import Service
from sagesse.core.state_event import StateEvent

from .conftest import ACCOUNT, FakePlatform

JOB = Kind(
    service="sagemaker",
    name="TrainingJob",
    key="TrainingJobName",
    arn_path="training-job/{name}",
    lifecycle=Lifecycle(initial="InProgress", moves={"InProgress": frozenset({"Completed"})}),
    describe="DescribeTrainingJob",
    delete="DeleteTrainingJob",
    arn_member="TrainingJobArn",
    status_member="TrainingJobStatus",
    missing=lambda name, arn: validation_error(f"no {name}"),
    duplicate=lambda record: validation_error(f"again {record.name}"),
    event=StateEvent(
        detail_type="Job Changed",
        finer="SecondaryStatus",
        tells_deletion=True,
        worded=lambda detail: {**detail, "TrainingJobStatus": detail["TrainingJobStatus"].upper()},
    ),
)


class Jobs(Service):
    service = "sagemaker"
    kinds = (JOB,)


@pytest.fixture
def ctx(platform_of: Callable[..., FakePlatform]) -> Context:
    platform = platform_of(Jobs())
    principal = Principal.root(ACCOUNT)
    return Context(
        scope=Scope(ACCOUNT, "eu-central-1"), principal=principal, request_id="r", platform=platform
    )


def told(ctx: Context) -> list[Event]:
    waiting = [packed.message for _, packed in ctx.store.outbox.waiting(100)]
    return [message for message in waiting if isinstance(message, Event)]


def create(ctx: Context, **output: Any) -> Any:
    request = {
        "TrainingJobName": "j",
        "HyperParameters": {"eta": "1"},
        "Tags": [{"Key": "team", "Value": "a"}],
    }
    return JOB.create(ctx, request, output={"SecondaryStatus": "Starting", **output})


def test_a_new_record_is_told_with_its_description(ctx: Context) -> None:
    record = create(ctx)
    (event,) = told(ctx)
    assert event.envelope.keys() == {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"
    }  # fmt: skip
    assert (event.source, event.detail_type, event.resources) == (
        "aws.sagemaker",
        "Job Changed",
        [record.arn],
    )
    assert (event.account, event.region, event.time) == (ACCOUNT, "eu-central-1", "2023-11-14T22:13:20Z")
    assert event.detail == {
        "TrainingJobName": "j",
        "TrainingJobArn": record.arn,
        "TrainingJobStatus": "INPROGRESS",
        "SecondaryStatus": "Starting",
        "HyperParameters": {"eta": "1"},
        "CreationTime": 1_700_000_000_000,
        "LastModifiedTime": 1_700_000_000_000,
        "Tags": {"team": "a"},
    }


def test_times_deep_inside_are_epoch_milliseconds(ctx: Context) -> None:
    create(ctx, SecondaryStatusTransitions=[{"Status": "Starting", "StartTime": 1.5}])
    assert told(ctx)[0].detail["SecondaryStatusTransitions"] == [{"Status": "Starting", "StartTime": 1500}]


def test_only_changes_of_the_state_are_told(ctx: Context) -> None:
    record = create(ctx)
    JOB.amend(ctx, record, output={"FailureReason": "x"}, state={"phase": "run"})
    JOB.amend(ctx, record, output={"SecondaryStatus": "Training"})
    JOB.amend(ctx, record, output={"SecondaryStatus": "Training"})
    JOB.move(ctx, record, "Completed", output={"SecondaryStatus": "Completed"})
    assert JOB.move(ctx, record, "Completed", when={"InProgress"}) is None
    states = [(event.detail["TrainingJobStatus"], event.detail["SecondaryStatus"]) for event in told(ctx)]
    assert states == [("INPROGRESS", "Starting"), ("INPROGRESS", "Training"), ("COMPLETED", "Completed")]


def test_a_second_of_the_same_name_tells_nothing(ctx: Context) -> None:
    create(ctx)
    with pytest.raises(Exception, match="again j"):
        create(ctx)
    assert len(told(ctx)) == 1


def test_a_deletion_is_told_where_the_kind_says_so(ctx: Context) -> None:
    create(ctx)
    JOB.remove(ctx, "j")
    assert [event.detail["TrainingJobName"] for event in told(ctx)] == ["j", "j"]
