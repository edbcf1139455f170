"""Quotas of training and processing jobs through an unmodified boto3; raised through Service Quotas."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sagesse.testing.server import Server

from .flow import PYTHON, ROLE, finished, make_bucket, script_job, until

USE = "ml.m5.large for training job usage"
SPOT = "ml.m5.large for spot training job usage"
LARGE = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
WAITS = "import signal\nsignal.pause()"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with small quotas that keeps its data."""
    folder = tmp_path_factory.mktemp("strict")
    quotas = {
        USE: 1,
        SPOT: 0,
        "Longest run time for a training job": 200,
        "Number of concurrent processing jobs": 0,
        "ml.m5.large for training warm pool usage": 0,
    }
    (folder / "settings.json").write_text(json.dumps({"quotas": quotas}))
    with Server(folder, ephemeral=False) as server:
        make_bucket(server)
        yield server


def refused(server: Server, name: str, **members: Any) -> str:
    """Why the job was not created; empty when it was."""
    client = server.client("sagemaker")
    try:
        client.create_training_job(**script_job(server, name, "", **{"ResourceConfig": LARGE, **members}))
    except client.exceptions.ResourceLimitExceeded as error:
        return error.response["Error"]["Message"]
    return ""


def test_a_job_more_than_the_quota_is_refused_until_one_ends(strict: Server) -> None:
    client = strict.client("sagemaker")
    client.create_training_job(**script_job(strict, "one", WAITS, ResourceConfig=LARGE))
    said = refused(strict, "two")
    assert said.startswith(
        f"The account-level service limit '{USE}' is 1 Instances, with current utilization of 1 Instances and a "
        "request delta of 1 Instances."
    )
    strict.kill()
    strict.start()
    assert refused(strict, "two"), "what a job uses is forgotten with the server"
    client.stop_training_job(TrainingJobName="one")
    finished(strict, "one")
    assert until(lambda: not refused(strict, "two"))
    finished(strict, "two")


def test_a_name_that_is_taken_uses_nothing(strict: Server) -> None:
    client = strict.client("sagemaker")
    until(lambda: not refused(strict, "taken"))
    finished(strict, "taken")
    for _ in range(2):
        with pytest.raises(client.exceptions.ResourceInUse):
            client.create_training_job(**script_job(strict, "taken", "", ResourceConfig=LARGE))
    assert not refused(strict, "not-taken")
    finished(strict, "not-taken")


def test_an_increase_lets_the_next_job_in(strict: Server) -> None:
    spot = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
    }
    assert SPOT in refused(strict, "spot", **spot)
    quotas = strict.client("service-quotas")
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    code = next(q["QuotaCode"] for page in pages for q in page["Quotas"] if q["QuotaName"] == SPOT)
    quotas.request_service_quota_increase(ServiceCode="sagemaker", QuotaCode=code, DesiredValue=1)
    assert not refused(strict, "spot", **spot)
    finished(strict, "spot")


def test_the_run_time_is_bounded(strict: Server) -> None:
    said = refused(strict, "long", StoppingCondition={"MaxRuntimeInSeconds": 2345678})
    assert "'Longest run time for a training job' is 200 Seconds" in said
    assert "request delta of 2345678 Seconds" in said


@pytest.mark.parametrize(
    "resources",
    [
        {"InstanceType": "ml.t3.large", "InstanceCount": 21},
        {
            "InstanceGroups": [
                {"InstanceGroupName": name, "InstanceType": "ml.t3.large", "InstanceCount": 11}
                for name in ("a", "b")
            ]
        },
    ],
)
def test_a_job_has_at_most_as_many_instances_as_its_quota(
    strict: Server, resources: dict[str, object]
) -> None:
    client = strict.client("sagemaker")
    request = script_job(strict, "too-wide", "", ResourceConfig={"VolumeSizeInGB": 1, **resources})
    with pytest.raises(client.exceptions.ResourceLimitExceeded) as refusal:
        client.create_training_job(**request)
    said = refusal.value.response["Error"]["Message"]
    assert said.startswith(
        "The account-level service limit 'Number of instances for a training job' is 20 Instances"
    )


def test_processing_jobs_have_quotas_of_their_own(strict: Server) -> None:
    client = strict.client("sagemaker")
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    with pytest.raises(client.exceptions.ResourceLimitExceeded, match="Number of concurrent processing jobs"):
        client.create_processing_job(
            ProcessingJobName="none",
            AppSpecification={"ImageUri": PYTHON},
            RoleArn=ROLE,
            ProcessingResources={"ClusterConfig": cluster},
        )
