"""One sample per kind; a kind without one fails `test_every_kind_has_a_sample`.

Where a service answers describe, list or delete itself, the sample names its operations in the kind's place.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError
from msgspec.structs import replace

from sagesse.services.ecr.kind import REPOSITORY
from sagesse.services.iam import kind as iam
from sagesse.services.sagemaker.endpoint import ENDPOINT
from sagesse.services.sagemaker.endpoint_config import ENDPOINT_CONFIG
from sagesse.services.sagemaker.model import MODEL
from sagesse.services.sagemaker.processing import PROCESSING_JOB
from sagesse.services.sagemaker.training import TRAINING_JOB
from sagesse.testing.kind import Sample

ROLE = "arn:aws:iam::123456789012:role/sagemaker"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
_TRUST = """{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}]}"""
_POLICY = """{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}"""
Client = Callable[[str], Any]


def _model(client: Client) -> None:
    with suppress(ClientError):
        client("sagemaker").create_model(
            ModelName="base", PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=ROLE
        )


def _config(client: Client) -> None:
    _model(client)
    with suppress(ClientError):
        client("sagemaker").create_endpoint_config(**_config_params("base"))


def _config_params(name: str) -> dict[str, Any]:
    variant = {
        "VariantName": "a",
        "ModelName": "base",
        "InstanceType": "ml.t2.medium",
        "InitialInstanceCount": 1,
    }
    return {"EndpointConfigName": name, "ProductionVariants": [variant]}


def _training_params(name: str) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": "unknown-image", "TrainingInputMode": "File"},
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://nowhere/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


def _processing_params(name: str) -> dict[str, Any]:
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    return {
        "ProcessingJobName": name,
        "AppSpecification": {"ImageUri": "unknown-image"},
        "RoleArn": ROLE,
        "ProcessingResources": {"ClusterConfig": cluster},
    }


SAMPLES = (
    Sample(
        MODEL,
        "CreateModel",
        lambda name: {"ModelName": name, "PrimaryContainer": {"Image": IMAGE}, "ExecutionRoleArn": ROLE},
    ),
    Sample(ENDPOINT_CONFIG, "CreateEndpointConfig", _config_params, _model),
    Sample(
        ENDPOINT, "CreateEndpoint", lambda name: {"EndpointName": name, "EndpointConfigName": "base"}, _config
    ),
    Sample(replace(TRAINING_JOB, delete="DeleteTrainingJob"), "CreateTrainingJob", _training_params),
    Sample(PROCESSING_JOB, "CreateProcessingJob", _processing_params),
    Sample(
        replace(iam.USER, describe="GetUser", listing="ListUsers", delete="DeleteUser"),
        "CreateUser",
        lambda name: {"UserName": name},
    ),
    Sample(
        replace(iam.ROLE, describe="GetRole", listing="ListRoles", delete="DeleteRole"),
        "CreateRole",
        lambda name: {"RoleName": name, "AssumeRolePolicyDocument": _TRUST},
    ),
    Sample(
        replace(iam.POLICY, listing="ListPolicies"),
        "CreatePolicy",
        lambda name: {"PolicyName": name, "PolicyDocument": _POLICY},
    ),
    Sample(
        replace(REPOSITORY, listing="DescribeRepositories"),
        "CreateRepository",
        lambda name: {"repositoryName": name},
    ),
)

# Named by the server, so no client can ask for a name twice or for a wrong one; names of aliases have a prefix that the
# suite does not know. They have tests of their own.
WITHOUT_SAMPLE = frozenset(
    {
        "iam:AccessKey",
        "sagemaker:WarmPool",
        "kms:Alias",
        "kms:Key",
        "service-quotas:AppliedQuota",
        "service-quotas:QuotaRequest",
        "sts:Session",
    }
)
