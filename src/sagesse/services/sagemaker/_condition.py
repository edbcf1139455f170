"""The condition keys by which policies limit jobs, models and endpoints: what a call that creates one asks for.

Source: the Service Authorization Reference, "Condition keys for Amazon SageMaker". A key whose member the request
leaves out is missing, but for those with a default.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from sagesse.core.service import Facts

_FILE_SYSTEM = {
    "sagemaker:FileSystemAccessMode": "FileSystemAccessMode",
    "sagemaker:FileSystemDirectoryPath": "DirectoryPath",
    "sagemaker:FileSystemId": "FileSystemId",
    "sagemaker:FileSystemType": "FileSystemType",
}


def training_facts(params: Mapping[str, Any]) -> Facts:
    """The keys of a CreateTrainingJob, which is not validated yet."""
    resources = _part(params, "ResourceConfig")
    sources = [
        _part(_part(channel, "DataSource"), "FileSystemDataSource")
        for channel in _items(params, "InputDataConfig")
    ]
    return _given(
        {
            **_common(params, params, [resources, *_items(resources, "InstanceGroups")]),
            "sagemaker:EnableRemoteDebug": _part(params, "RemoteDebugConfig").get("EnableRemoteDebug"),
            "sagemaker:KeepAlivePeriod": resources.get("KeepAlivePeriodInSeconds"),
            "sagemaker:OutputKmsKey": _part(params, "OutputDataConfig").get("KmsKeyId"),
            "sagemaker:VolumeKmsKey": resources.get("VolumeKmsKeyId"),
            **{key: _each(sources, member) for key, member in _FILE_SYSTEM.items()},
        }
    )


def processing_facts(params: Mapping[str, Any]) -> Facts:
    """The keys of a CreateProcessingJob, which is not validated yet."""
    cluster = _part(_part(params, "ProcessingResources"), "ClusterConfig")
    return _given(
        {
            **_common(params, _part(params, "NetworkConfig"), [cluster]),
            "sagemaker:OutputKmsKey": _part(params, "ProcessingOutputConfig").get("KmsKeyId"),
            "sagemaker:VolumeKmsKey": cluster.get("VolumeKmsKeyId"),
        }
    )


def model_facts(params: Mapping[str, Any]) -> Facts:
    """The keys of a CreateModel, which is not validated yet."""
    isolates = params.get("EnableNetworkIsolation", False)
    return _given({"sagemaker:NetworkIsolation": isolates, **_network(params)})


def endpoint_config_facts(params: Mapping[str, Any]) -> Facts:
    """The keys of a CreateEndpointConfig, which is not validated yet; those of refused members are left out."""
    variants = list(_items(params, "ProductionVariants"))
    return _given({"sagemaker:InstanceTypes": _each(variants, "InstanceType"), **_network(params)})


def _network(params: Mapping[str, Any]) -> dict[str, Any]:
    vpc = _part(params, "VpcConfig")
    return {
        "sagemaker:VpcSecurityGroupIds": vpc.get("SecurityGroupIds"),
        "sagemaker:VpcSubnets": vpc.get("Subnets"),
    }


def _common(
    params: Mapping[str, Any], network: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        "sagemaker:InstanceTypes": _each(instances, "InstanceType"),
        "sagemaker:InterContainerTrafficEncryption": network.get(
            "EnableInterContainerTrafficEncryption", False
        ),
        "sagemaker:MaxRuntimeInSeconds": _part(params, "StoppingCondition").get("MaxRuntimeInSeconds"),
        "sagemaker:NetworkIsolation": network.get("EnableNetworkIsolation", False),
        **_network(network),
    }


def _given(members: Mapping[str, Any]) -> Facts:
    """Values as policies compare them; nothing of what is not there."""
    return {key: _text(value) for key, value in members.items() if value not in (None, "", [])}


def _text(value: Any) -> str | list[str]:
    if isinstance(value, list):
        return [str(item) for item in cast("list[Any]", value)]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _each(parts: Sequence[Mapping[str, Any]], member: str) -> list[str]:
    return [str(part[member]) for part in parts if member in part]


def _part(params: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    value = params.get(member)
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _items(params: Mapping[str, Any], member: str) -> Iterator[Mapping[str, Any]]:
    value = params.get(member)
    for item in cast("list[Any]", value) if isinstance(value, list) else ():
        if isinstance(item, Mapping):
            yield cast("Mapping[str, Any]", item)
