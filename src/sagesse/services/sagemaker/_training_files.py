"""What goes into a training job and comes out of it: channels and code, checkpoints, mirrored folders, artifacts."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.engines.jobs.base import Feed, Run
from sagesse.services.sagemaker._channel import Inputs, channel_feeds, channel_inputs, is_file_system, mode_of
from sagesse.services.sagemaker._channel_fetch import fetch_channel
from sagesse.services.sagemaker._checkpoint import checkpoint_mirror, checkpoint_mounts
from sagesse.services.sagemaker._debug_output import debug_mirrors
from sagesse.services.sagemaker._error import ChannelError
from sagesse.services.sagemaker._hosts import Host
from sagesse.services.sagemaker._intermediate import intermediate_mirror
from sagesse.services.sagemaker._job import Job, JobFailed, JobParts
from sagesse.services.sagemaker._mirror import Mirror
from sagesse.services.sagemaker._output_key import check_output_key
from sagesse.services.sagemaker._session import RoleError
from sagesse.services.sagemaker._share import Share
from sagesse.services.sagemaker._training_output import store_artifacts
from sagesse.services.sagemaker._training_record import TrainingRecord
from sagesse.services.sagemaker._warm_pool import WarmPools, keep_alive_s


class TrainingFiles(TrainingRecord):
    """The files of training jobs.

    Args:
        parts: see `JobParts`.
        warm_pools: the places of ended jobs, which keep a cache.
    """

    def __init__(self, parts: JobParts, *, warm_pools: WarmPools) -> None:
        super().__init__(parts)
        self._warm_pools = warm_pools

    def _fetch(self, job: Job, host: Host, acting: Context) -> None:
        files, request, hosts = self._files(job, host), job.record.request, self._hosts(job)
        self._entry(job)  # a job that cannot be run fails before anything is fetched
        self._inputs(job, host)  # so does one whose file system is not known
        if self._is_warm(job):
            is_first = host == hosts.first
            self._warm_pools.fill_cache(host.run_id, job.record.state.get("pool") if is_first else None)
        intermediate_mirror(request, self._folder(job, host))  # or whose intermediate output has no place
        check_output_key(acting, _output_key(request), request["OutputDataConfig"]["S3OutputPath"])
        given = self._channels(job, host)
        for channel, share in given:
            if not is_file_system(channel):
                folder = files.channel(channel["ChannelName"])
                mode = mode_of(channel, _input_mode(request))
                cache = self._cache if mode == "FastFile" else self._own_files(job)
                fetch_channel(acting, channel, folder, mode=mode, cache=cache, share=share)
        files.write_contract(job.record, [channel for channel, _ in given], hosts.resource(host))
        files.fetch_code(acting, request)
        for _, mirror in debug_mirrors(request, self._folder(job, host)):
            mirror.folder.mkdir(parents=True, exist_ok=True)
        if mirror := self._checkpoints(job, host):
            try:
                mirror.restore(acting)
            except ServiceError as error:
                said = f"ClientError: Checkpoint download failed: {error} (S3 URL {mirror.target.uri!r})"
                raise ChannelError(said) from error

    def _downloads_little(self, job: Job) -> bool:
        """Its code alone; a warm pool watches every state."""
        request = job.record.request
        return not (request.get("InputDataConfig") or request.get("CheckpointConfig") or self._is_warm(job))

    def _stores_little(self, job: Job) -> bool:
        return not self._is_warm(job) and all(
            self._files(job, host).hold_little() for host in self._hosts(job)
        )

    def _is_warm(self, job: Job) -> bool:
        return keep_alive_s(job.record.request) > 0 or bool(job.record.state.get("pool"))

    def _mounts(self, job: Job) -> dict[str, str]:
        config = job.record.request.get("CheckpointConfig")
        return {**super()._mounts(job), **(checkpoint_mounts(config) if config else {})}

    def _channels(self, job: Job, host: Host) -> list[tuple[Mapping[str, Any], Share]]:
        """The channels that a host gets, with its share of each."""
        hosts = self._hosts(job)
        given: list[tuple[Mapping[str, Any], Share]] = []
        for channel in job.record.request.get("InputDataConfig", ()):
            groups = channel["DataSource"].get("S3DataSource", {}).get("InstanceGroupNames", ())
            if share := hosts.share(host, groups):
                given.append((channel, share))
        return given

    def _inputs(self, job: Job, host: Host) -> Inputs:
        channels = [channel for channel, _ in self._channels(job, host)]
        mode = _input_mode(job.record.request)
        return channel_inputs(channels, mode=mode, file_systems=self._file_systems)

    def _feeds(self, job: Job, host: Host) -> tuple[Feed, ...]:
        mode = _input_mode(job.record.request)
        given = self._channels(job, host)
        return tuple(
            feed for channel, share in given for feed in channel_feeds([channel], mode=mode, share=share)
        )

    def _sync(self, job: Job, *, is_over: bool) -> None:
        for host in self._hosts(job):
            for what, mirror in self._mirrors(job, host):
                self._keep(job, what, mirror, is_over=is_over)

    def _mirrors(self, job: Job, host: Host) -> Iterator[tuple[str, Mirror]]:
        """What is stored while the host runs."""
        if checkpoints := self._checkpoints(job, host):
            yield "Checkpoint", checkpoints
        if intermediate := intermediate_mirror(job.record.request, self._folder(job, host)):
            yield "Intermediate output", intermediate
        yield from debug_mirrors(job.record.request, self._folder(job, host))

    def _keep(self, job: Job, what: str, mirror: Mirror, *, is_over: bool) -> None:
        try:
            mirror.store(self._as_role(job), is_over=is_over)
        except ServiceError as error:
            if is_over:  # before, it is tried again
                said = f"ClientError: {what} upload failed: {error} (S3 URL {mirror.target.uri!r})"
                raise JobFailed(said) from error

    def _checkpoints(self, job: Job, host: Host) -> Mirror | None:
        config = job.record.request.get("CheckpointConfig")
        return checkpoint_mirror(config, self._folder(job, host)) if config else None

    def _store(self, job: Job, acting: Context) -> Mapping[str, Any]:
        files = [self._files(job, host) for host in self._hosts(job)]
        model = store_artifacts(acting, job.record.name, job.record.request["OutputDataConfig"], files)
        return {"ModelArtifacts": {"S3ModelArtifacts": model}}

    def _salvage(self, job: Job, run: Run) -> Mapping[str, Any]:
        """As on AWS, a job that failed by its own doing keeps its artifacts; its reason stays the one it had."""
        if run.reason in {"exit", "oom"}:
            with suppress(JobFailed, RoleError):
                return self._store(job, self._as_role(job))
        return {}


def _input_mode(request: Mapping[str, Any]) -> str:
    return request["AlgorithmSpecification"]["TrainingInputMode"]


def _output_key(request: Mapping[str, Any]) -> str:
    return request["OutputDataConfig"].get("KmsKeyId", "")
