"""How long a job may be Pending: a whole server in this process, its clock turned by hand."""

from collections.abc import Iterator
from typing import Any

import pytest

from .flow import PYTHON, ROLE, until
from .local import LocalApp, local_app


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalApp]:
    with local_app(tmp_path_factory.mktemp("app"), job_cores=4) as running:
        yield running


def create(here: LocalApp, name: str, instance_type: str, **stopping: int) -> None:
    specification = {
        "TrainingImage": PYTHON,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/sleep"],
    }
    here.call(
        "CreateTrainingJob",
        TrainingJobName=name,
        AlgorithmSpecification={**specification, "ContainerArguments": ["600"]},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://out/"},
        ResourceConfig={"InstanceType": instance_type, "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60_000, **stopping},
    )


def look(here: LocalApp, name: str) -> Any:
    return here.call("DescribeTrainingJob", TrainingJobName=name)


def test_only_accelerated_jobs_wait_no_longer_than_they_may(here: LocalApp) -> None:
    create(here, "holds", "ml.m5.24xlarge")
    until(lambda: look(here, "holds")["SecondaryStatus"] == "Training")
    create(here, "tired", "ml.g5.xlarge", MaxPendingTimeInSeconds=1800)
    create(here, "patient", "ml.m5.large", MaxPendingTimeInSeconds=1800)
    until(lambda: {look(here, name)["SecondaryStatus"] for name in ("tired", "patient")} == {"Pending"})
    here.clock.turn(1801)
    for name in ("tired", "patient"):
        here.wake("TrainingJob", name)
    until(lambda: look(here, "tired")["TrainingJobStatus"] == "Stopped")
    facts = look(here, "tired")
    assert facts["SecondaryStatus"] == "Stopped"
    assert "MaxPendingTimeInSeconds" in facts["SecondaryStatusTransitions"][-1]["StatusMessage"]
    assert look(here, "patient")["TrainingJobStatus"] == "InProgress"


def test_a_waiting_job_says_what_is_missing_and_its_place(here: LocalApp) -> None:
    until(lambda: look(here, "patient")["SecondaryStatus"] == "Pending")
    create(here, "behind", "ml.m5.large")
    until(lambda: look(here, "behind")["SecondaryStatus"] == "Pending")
    message = look(here, "behind")["SecondaryStatusTransitions"][-1]["StatusMessage"]
    assert message.startswith("Pending: waiting for 2 more cores")
    assert message.endswith("place 2 of the queue for this machine")
