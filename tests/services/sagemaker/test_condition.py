"""Policies that limit which jobs somebody may create."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from sagesse.services.sagemaker._condition import (
    endpoint_config_facts,
    model_facts,
    processing_facts,
    training_facts,
)
from sagesse.testing.server import Server

from .flow import PYTHON, ROLE, make_bucket, script_job

PASS_ROLE = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
TAGS = [{"Key": "team", "Value": "a"}]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)


def limited(server: Server, name: str, *statements: dict[str, Any]) -> Any:
    """A client of a user with these statements and iam:PassRole."""
    iam = server.client("iam")
    iam.create_user(UserName=name)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [*statements, PASS_ROLE]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return server.client(
        "sagemaker",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


def create_only(condition: dict[str, Any]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "sagemaker:Create*", "Resource": "*", "Condition": condition}


def test_a_training_job_says_what_it_asks_for() -> None:
    source = {"FileSystemId": "fs-1", "FileSystemAccessMode": "ro", "DirectoryPath": "/d"}
    asked = {
        "ResourceConfig": {"InstanceGroups": [{"InstanceType": "ml.a"}, {"InstanceType": "ml.b"}]},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "OutputDataConfig": {"KmsKeyId": "k"},
        "VpcConfig": {"Subnets": ["s"], "SecurityGroupIds": ["g"]},
        "EnableNetworkIsolation": True,
        "InputDataConfig": [{"DataSource": {"FileSystemDataSource": source}}],
    }
    assert training_facts(asked) == {
        "sagemaker:InstanceTypes": ["ml.a", "ml.b"],
        "sagemaker:InterContainerTrafficEncryption": "false",
        "sagemaker:MaxRuntimeInSeconds": "60",
        "sagemaker:NetworkIsolation": "true",
        "sagemaker:OutputKmsKey": "k",
        "sagemaker:VpcSecurityGroupIds": ["g"],
        "sagemaker:VpcSubnets": ["s"],
        "sagemaker:FileSystemAccessMode": ["ro"],
        "sagemaker:FileSystemDirectoryPath": ["/d"],
        "sagemaker:FileSystemId": ["fs-1"],
    }


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from(["ResourceConfig", "VpcConfig", "InputDataConfig", "ProductionVariants"]), anything
    )
)
def test_a_request_that_makes_no_sense_says_nothing_odd(asked: dict[str, Any]) -> None:
    facts = {
        **training_facts(asked),
        **processing_facts(asked),
        **model_facts(asked),
        **endpoint_config_facts(asked),
    }
    assert all(isinstance(value, str | list) for value in facts.values())


def test_a_policy_may_name_the_instance_types(server: Server) -> None:
    condition = {"ForAllValues:StringEquals": {"sagemaker:InstanceTypes": ["ml.t3.medium"]}}
    client = limited(server, "small-only", create_only(condition))
    client.create_training_job(**script_job(server, "small", ""))
    large = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:CreateTrainingJob"):
        client.create_training_job(**script_job(server, "large", "", ResourceConfig=large))


def test_a_policy_may_ask_for_network_isolation(server: Server) -> None:
    client = limited(server, "isolated", create_only({"Bool": {"sagemaker:NetworkIsolation": "true"}}))
    cluster = {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
    request = {
        "ProcessingJobName": "isolated",
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": PYTHON, "ContainerEntrypoint": ["true"]},
        "ProcessingResources": {"ClusterConfig": cluster},
    }
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:CreateProcessingJob"):
        client.create_processing_job(**request)
    client.create_processing_job(**request, NetworkConfig={"EnableNetworkIsolation": True})


def test_who_creates_with_tags_must_be_allowed_to_tag(server: Server) -> None:
    create = {"Effect": "Allow", "Action": "sagemaker:CreateTrainingJob", "Resource": "*"}
    client = limited(server, "tags-nothing", create)
    client.create_training_job(**script_job(server, "without-tags", ""))
    with pytest.raises(ClientError, match="not authorized to perform: sagemaker:AddTags on resource: arn:"):
        client.create_training_job(**script_job(server, "with-tags", "", Tags=TAGS))


def test_a_model_says_what_it_asks_for() -> None:
    asked = {"VpcConfig": {"Subnets": ["s"], "SecurityGroupIds": ["g"]}}
    assert model_facts(asked) == {
        "sagemaker:NetworkIsolation": "false",
        "sagemaker:VpcSecurityGroupIds": ["g"],
        "sagemaker:VpcSubnets": ["s"],
    }


def test_a_policy_may_name_the_instance_types_of_endpoints(server: Server) -> None:
    server.client("sagemaker").create_model(ModelName="any", PrimaryContainer={"Image": PYTHON})
    condition = {"ForAnyValue:StringNotEquals": {"sagemaker:InstanceTypes": ["ml.t2.medium"]}}
    deny = {**create_only(condition), "Effect": "Deny"}
    client = limited(server, "cheap-only", create_only({}), deny)

    def configure(name: str, *types: str) -> None:
        variants = [
            {"VariantName": f"v{number}", "ModelName": "any", "InstanceType": kind}
            for number, kind in enumerate(types)
        ]
        client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)

    configure("cheap", "ml.t2.medium")
    with pytest.raises(ClientError, match=r"sagemaker:CreateEndpointConfig .*with an explicit deny"):
        configure("dear", "ml.t2.medium", "ml.p3.2xlarge")


def test_who_creates_an_endpoint_must_be_allowed_to_use_its_configuration(server: Server) -> None:
    create = {
        "Effect": "Allow",
        "Action": "sagemaker:CreateEndpoint",
        "Resource": "arn:aws:sagemaker:*:endpoint/*",
    }
    client = limited(server, "no-configuration", create)
    with pytest.raises(
        ClientError, match=r"on resource: arn:aws:sagemaker:us-east-1:\d+:endpoint-config/cheap"
    ):
        client.create_endpoint(EndpointName="cheap", EndpointConfigName="Cheap")
