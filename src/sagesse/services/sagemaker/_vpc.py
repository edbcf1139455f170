"""VpcConfig: the machine has one network. It stands in for any VPC where a setting says so; else it is refused."""

from collections.abc import Mapping
from typing import Any

from sagesse.core.error import unsupported_member

_WHY = (
    "everything runs in the network of this machine. If that is what you want, run the server with the setting "
    "accept_vpc_config (SAGESSE_ACCEPT_VPC_CONFIG=true): subnets and security groups are then recorded and shown; "
    "EnableNetworkIsolation cuts a job off"
)


def check_vpc(params: Mapping[str, Any], *, accepts_vpc: bool, where: str = "") -> None:
    """Refuse a VpcConfig that nobody allowed to be only recorded.

    Args:
        params: what may have a member VpcConfig.
        accepts_vpc: the setting `accept_vpc_config`.
        where: the path of `params` in the request, with a dot at its end.

    Raises:
        ServiceError: names the member and the setting.
    """
    if params.get("VpcConfig") and not accepts_vpc:
        raise unsupported_member(f"{where}VpcConfig", _WHY)
