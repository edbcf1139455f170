"""Where the hosts of a job go, and what their plans must say there."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from sagesse.runtime.plan import Plan

_ONE_MACHINE_ONLY = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")


class Place(NamedTuple):
    """A host's place: one of the bundles of a placement group, each with so many cores."""

    group: str
    bundle: int
    bundles: int
    cores: int


class Misfit(Exception):  # noqa: N818 - reads as the fact it states
    """The run cannot be on the node it was given."""


def place_of(plan: Plan) -> Place:
    """The hosts of a job share a group, which is named after the first of them."""
    names = list(plan.hosts) or [plan.hostname]
    return Place(min((plan.run_id, *plan.peers)), names.index(plan.hostname), len(names), plan.threads)


def fit(plan: Plan, addresses: Sequence[str], *, shares_files: bool) -> Plan:
    """The plan for a run whose job's hosts are on the machines with these addresses, in order.

    Raises:
        Misfit: says why that does not work.
    """
    is_apart = len(set(addresses)) > 1
    if is_apart and plan.isolate_network:
        raise Misfit("network isolation of several hosts needs them on one node of the Ray cluster")
    if not shares_files and plan.is_contained:
        raise Misfit("an image in a container runs only on a node that sees the server's files")
    if not shares_files and plan.feeds:
        raise Misfit("a channel in Pipe mode needs a node that sees the server's files")
    if not shares_files and any(outside.startswith("/") for outside in plan.mounts.values()):
        raise Misfit("a folder of the server is mounted; the node does not see the server's files")
    if not is_apart:
        return plan
    variables = {name: value for name, value in plan.environment.items() if name not in _ONE_MACHINE_ONLY}
    hosts = dict(zip(plan.hosts, addresses, strict=True))
    return msgspec.structs.replace(plan, hosts=hosts, environment=variables)
