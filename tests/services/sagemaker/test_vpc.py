"""VpcConfig where the setting `accept_vpc_config` says that this machine's network is meant; else it is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

from .flow import PYTHON, ROLE, make_bucket, run_job, script_job

VPC = {"SecurityGroupIds": ["sg-0a1b2c3d"], "Subnets": ["subnet-0a1b2c3d"]}
MODEL = {"PrimaryContainer": {"Image": PYTHON}, "ExecutionRoleArn": ROLE}


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose network is any VPC."""
    folder: Path = tmp_path_factory.mktemp("vpc")
    (folder / "settings.json").write_text('{"accept_vpc_config": true}')
    with Server(folder) as server:
        make_bucket(server)
        yield server


def processing(**network: Any) -> dict[str, Any]:
    cluster = {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
    return {
        "ProcessingJobName": "in-a-vpc",
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {"ImageUri": PYTHON, "ContainerEntrypoint": ["true"]},
        "RoleArn": ROLE,
        "NetworkConfig": network,
    }


def test_a_training_job_runs_and_shows_its_vpc(open_server: Server) -> None:
    facts = run_job(open_server, script_job(open_server, "in-a-vpc", "", VpcConfig=VPC))
    assert facts["TrainingJobStatus"] == "Completed"
    assert facts["VpcConfig"] == VPC


def test_processing_jobs_and_models_show_theirs(open_server: Server) -> None:
    client = open_server.client("sagemaker")
    client.create_processing_job(**processing(VpcConfig=VPC))
    assert client.describe_processing_job(ProcessingJobName="in-a-vpc")["NetworkConfig"]["VpcConfig"] == VPC
    client.create_model(ModelName="in-a-vpc", VpcConfig=VPC, **MODEL)
    assert client.describe_model(ModelName="in-a-vpc")["VpcConfig"] == VPC


def test_without_the_setting_it_is_refused_and_the_setting_named(server: Server) -> None:
    client = server.client("sagemaker")
    make_bucket(server)
    calls = [
        (client.create_training_job, script_job(server, "no-vpc", "", VpcConfig=VPC)),
        (client.create_processing_job, processing(VpcConfig=VPC)),
        (client.create_model, {"ModelName": "no-vpc", "VpcConfig": VPC, **MODEL}),
    ]
    for call, request in calls:
        with pytest.raises(ClientError, match=r"does not support .*VpcConfig: .*accept_vpc_config"):
            call(**request)
