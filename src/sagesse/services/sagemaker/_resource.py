"""The instances that a job asks for, and the channels that only some of them get."""

from collections.abc import Mapping, Sequence
from typing import Any

from sagesse.core.error import validation_error
from sagesse.services.sagemaker._hosts import InstanceGroup


def training_groups(resources: Mapping[str, Any]) -> list[InstanceGroup]:
    """The instance groups of a ResourceConfig."""
    groups: Sequence[Mapping[str, Any]] = resources.get("InstanceGroups", ())
    if groups:
        return [
            InstanceGroup(group["InstanceType"], group["InstanceCount"], group["InstanceGroupName"])
            for group in groups
        ]
    return [InstanceGroup(resources["InstanceType"], resources.get("InstanceCount", 1))]


def check_resources(resources: Mapping[str, Any]) -> list[InstanceGroup]:
    """The instance groups of a ResourceConfig whose instances can be had.

    Raises:
        ServiceError: names the member.
    """
    declared: Sequence[Mapping[str, Any]] = resources.get("InstanceGroups", ())
    if declared and ("InstanceType" in resources or "InstanceCount" in resources):
        raise validation_error(
            "ResourceConfig: InstanceGroups cannot be given together with InstanceType or InstanceCount."
        )
    if not declared and not resources.get("InstanceType"):
        raise validation_error("ResourceConfig.InstanceType is required.")
    groups = training_groups(resources)
    names = [group.name for group in groups]
    if len(set(names)) < len(names):
        raise validation_error(
            f"ResourceConfig.InstanceGroups: InstanceGroupName must be unique; got {names}."
        )
    where = "ResourceConfig.InstanceGroups: InstanceCount" if declared else "ResourceConfig.InstanceCount"
    for group in groups:
        check_count(where, group.count)
    return groups


def check_count(member: str, count: int) -> None:
    """Refuse no instances; how many there may be is a quota.

    Raises:
        ServiceError: names the member.
    """
    if count < 1:
        raise validation_error(f"{member} {count} is not allowed; allowed: at least 1 instance.")
