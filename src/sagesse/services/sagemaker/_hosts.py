"""The hosts of a job: each is a run of the job engine, and they know each other by name."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from ipaddress import IPv4Address
from typing import Any, NamedTuple, TypeVar

import msgspec

from sagesse.engines.instance_type import instance_type
from sagesse.runtime.contract import resource_config
from sagesse.services.sagemaker._share import Share

T = TypeVar("T")

_BETWEEN = "_"  # of a job's run id and a host's number
_FIRST_BLOCK = int(IPv4Address("127.1.0.0"))  # 127.0.*.* is used by systems for themselves
_BLOCK = 32
_BLOCKS = (int(IPv4Address("127.255.0.0")) - _FIRST_BLOCK) // _BLOCK


class InstanceGroup(msgspec.Struct, frozen=True):
    """So many instances of one type; a job without groups has one of this name."""

    instance_type: str
    count: int
    name: str = "homogeneousCluster"


class Host(NamedTuple):
    """One instance of a job.

    Attributes:
        name: ``algo-1`` and so on, counted over all groups.
        run_id: the engine's name of its run; that of ``algo-1`` is the job's own.
        number: its place in that count.
    """

    name: str
    run_id: str
    number: int
    group: InstanceGroup

    @property
    def address(self) -> str:
        """Where the other hosts reach it; loopback, and no other job's."""
        return str(IPv4Address(_address_block(job_run_id(self.run_id)) + self.number))


class Hosts:
    """The hosts of one run of a job, in order.

    Args:
        groups: what was asked for.
        run_id: the job's.
    """

    def __init__(self, groups: Sequence[InstanceGroup], run_id: str) -> None:
        self._groups = groups
        self._hosts = list(_number(groups, run_id))

    def __iter__(self) -> Iterator[Host]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)

    @property
    def first(self) -> Host:
        """``algo-1``."""
        return self._hosts[0]

    @property
    def are_several(self) -> bool:
        """Whether there is more than one."""
        return len(self._hosts) > 1

    @cached_property
    def addresses(self) -> dict[str, str]:
        """Address by name; empty when the one host has nobody to reach."""
        return {host.name: host.address for host in self._hosts} if self.are_several else {}

    def peers(self, host: Host) -> tuple[str, ...]:
        """The run ids of the other hosts."""
        return tuple(other.run_id for other in self._hosts if other != host)

    def threads(self, host: Host, granted: int) -> int:
        """The part of the threads that the job was granted which is this host's; at least one."""
        whole = sum(_vcpus(other) for other in self._hosts)
        return max(1, granted * _vcpus(host) // whole)

    def deal(self, host: Host, things: Sequence[T]) -> list[T]:
        """The part of some things that is this host's, when they are dealt among all."""
        return list(things[self._hosts.index(host) :: len(self._hosts)])

    def share(self, host: Host, groups: Collection[str] = ()) -> Share | None:
        """What a host gets of something dealt among the hosts of `groups` (all, when none is named); None: nothing."""
        sharers = [other for other in self._hosts if not groups or other.group.name in groups]
        return Share(sharers.index(host), len(sharers)) if host in sharers else None

    def resource(self, host: Host) -> dict[str, Any]:
        """The content of the host's ``resourceconfig.json``."""
        members = {
            group: [host.name for host in self._hosts if host.group == group] for group in self._groups
        }
        return resource_config(
            instance_type=host.group.instance_type,
            current_host=host.name,
            group_name=host.group.name,
            groups={group.name: (group.instance_type, names) for group, names in members.items()},
        )


def _vcpus(host: Host) -> int:
    return instance_type(host.group.instance_type).vcpus


def job_run_id(run_id: str) -> str:
    """The run id of the job to which a host's run belongs."""
    return run_id.partition(_BETWEEN)[0]


def _number(groups: Sequence[InstanceGroup], run_id: str) -> Iterator[Host]:
    number = 0
    for group in groups:
        for _ in range(group.count):
            number += 1
            own_id = run_id if number == 1 else f"{run_id}{_BETWEEN}{number}"
            yield Host(f"algo-{number}", own_id, number, group)


def _address_block(run_id: str) -> int:
    """The addresses of a job: one of half a million blocks, so that two jobs at a time hardly ever meet."""
    digest = hashlib.sha256(run_id.encode()).digest()
    return _FIRST_BLOCK + int.from_bytes(digest[:8]) % _BLOCKS * _BLOCK
