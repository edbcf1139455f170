"""A job on its way, and what all jobs stand on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sagesse.core.call import Context
from sagesse.core.kind import Kind
from sagesse.core.principal import Credentials
from sagesse.core.record import Record
from sagesse.engines.capacity import Capacity
from sagesse.engines.channel_cache import ChannelCache
from sagesse.engines.image_registry import Images
from sagesse.engines.jobs.base import JobEngine, Run
from sagesse.engines.quota import Quotas
from sagesse.services.sagemaker._home import Home
from sagesse.services.sagemaker._host_metric import HostMetrics
from sagesse.services.sagemaker._hosts import Hosts
from sagesse.services.sagemaker.log import LogShipper


class JobFailed(Exception):  # noqa: N818 - reads as the fact it states
    """The job cannot go on; the text is its FailureReason."""


class JobParts(NamedTuple):
    """What jobs stand on.

    Attributes:
        engine: runs the processes.
        capacity: the machine.
        quotas: what accounts may use.
        credentials: where role sessions are looked up.
        shipper: takes the log lines and metrics of a job.
        host_metrics: takes what was measured of its hosts.
        images: what runs an image here.
        home: where a job's own AWS clients find this server.
        cache: keeps the contents of channels.
        file_systems: folder of this machine by file system id.
        limits_memory: end jobs that use more memory than their instances have.
    """

    engine: JobEngine
    capacity: Capacity
    quotas: Quotas
    credentials: Credentials
    shipper: LogShipper
    host_metrics: HostMetrics
    images: Images
    home: Home
    cache: ChannelCache
    file_systems: Mapping[str, str]
    limits_memory: bool = False


class Unwritten(msgspec.Struct):
    """What a step knows of a job and the record does not say yet: the next change of the record says it too.

    Attributes:
        passed: output members of states that the job has left already; see `Kind.move`.
    """

    passed: list[Mapping[str, Any]] = []
    state: dict[str, Any] = {}


class Known(msgspec.Struct):
    """What a step has found out already, and what stays so while it lasts.

    Attributes:
        folders: of the hosts' runs, by id.
        ended: the runs that ended, by id: nothing changes in them any more.
    """

    hosts: Hosts | None = None
    folders: dict[str, Path] = {}
    ended: dict[str, Run] = {}


class Job(NamedTuple):
    """A job in the step that is being taken.

    Attributes:
        record: as the step knows it, with what is unwritten.
    """

    ctx: Context
    kind: Kind
    record: Record
    unwritten: Unwritten
    known: Known

    @property
    def run_id(self) -> str:
        """The engine's name of its present run; the other hosts' are made from it."""
        return self.record.state["run_id"]

    @property
    def is_stopping(self) -> bool:
        """Whether someone asked it to stop."""
        return self.record.status == "Stopping"
