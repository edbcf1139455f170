"""From a finished training job to an endpoint that answers."""

import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs]

from sagesse.demo.cloud import Cloud, look

ENDPOINT = "marbles"
_POLL_S = 0.2


class DeploymentFailed(Exception):  # noqa: N818 - reads as the fact it states
    """The endpoint does not come into service; the text is why."""


def deploy(cloud: Cloud, job_name: str) -> Iterator[str]:
    """Have the model of a job answer at the endpoint; yields the endpoint's state whenever it changes.

    Raises:
        DeploymentFailed: it failed.
    """
    _ensure_model(cloud, job_name)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": job_name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    }
    _ensure(cloud, "endpoint_config", "EndpointConfigName", job_name, ProductionVariants=[variant])
    _ensure_endpoint(cloud, job_name)
    state = ""
    while state != "InService":
        endpoint = cloud.call("sagemaker", "describe_endpoint", EndpointName=ENDPOINT)
        if endpoint["EndpointStatus"] != state:
            state = endpoint["EndpointStatus"]
            yield state
        if state in {"Failed", "OutOfService"}:
            raise DeploymentFailed(f"endpoint {ENDPOINT}: {endpoint.get('FailureReason', state)}")
        if state != "InService":
            time.sleep(_POLL_S)


def _ensure_model(cloud: Cloud, job_name: str) -> None:
    job = cloud.call("sagemaker", "describe_training_job", TrainingJobName=job_name)
    container = {
        "Image": job["AlgorithmSpecification"]["TrainingImage"],
        "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"],
    }
    _ensure(
        cloud, "model", "ModelName", job_name, ExecutionRoleArn=job["RoleArn"], PrimaryContainer=container
    )


def _ensure_endpoint(cloud: Cloud, config: str) -> None:
    """Have the endpoint on this configuration, whatever it was on before."""
    found = _settled(cloud)
    if found is not None and found["EndpointStatus"] == "Failed":
        cloud.call("sagemaker", "delete_endpoint", EndpointName=ENDPOINT)
        found = _settled(cloud)
    if found is None:
        _ensure(cloud, "endpoint", "EndpointName", ENDPOINT, EndpointConfigName=config)
    elif found["EndpointConfigName"] != config:
        cloud.call("sagemaker", "update_endpoint", EndpointName=ENDPOINT, EndpointConfigName=config)


def _settled(cloud: Cloud) -> dict[str, Any] | None:
    """The endpoint once nothing is being done to it, but for its first creation; None when there is none."""
    while True:
        found = look(cloud, "sagemaker", "describe_endpoint", EndpointName=ENDPOINT)
        if found is None or found["EndpointStatus"] in {"InService", "Failed", "Creating", "OutOfService"}:
            return found
        time.sleep(_POLL_S)


def _ensure(cloud: Cloud, what: str, key: str, name: str, **params: Any) -> None:
    """Create what is not there; a call whose answer was lost may have made it already."""
    if look(cloud, "sagemaker", f"describe_{what}", **{key: name}) is not None:
        return
    try:
        cloud.call("sagemaker", f"create_{what}", **{key: name}, **params)
    except ClientError:
        if look(cloud, "sagemaker", f"describe_{what}", **{key: name}) is None:
            raise
