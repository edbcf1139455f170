"""What is a processing job's own on its way: inputs, outputs while it runs and at its end, the exit message."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.runtime.contract import read_message, write_processing_input
from sagesse.services.sagemaker._channel import FOLDER, Inputs
from sagesse.services.sagemaker._channel_fetch import fetch_source
from sagesse.services.sagemaker._ending import HostRun
from sagesse.services.sagemaker._entry import Entry, program_entry
from sagesse.services.sagemaker._hosts import Host, InstanceGroup
from sagesse.services.sagemaker._job import Job, JobFailed
from sagesse.services.sagemaker._mirror import Mirror, folder_place
from sagesse.services.sagemaker._output_key import check_output_key
from sagesse.services.sagemaker._run import JobRun
from sagesse.services.sagemaker._share import ALL
from sagesse.services.sagemaker._transfer import parse_location

# Of the request, what the job finds in processingjobconfig.json.
_CONFIG = (
    "ProcessingJobName",
    "AppSpecification",
    "Environment",
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "RoleArn",
    "StoppingCondition",
    "NetworkConfig",
)

_MESSAGE_LENGTH = 1024


class ProcessingRun(JobRun):
    """Brings processing jobs to their end."""

    log_group = "/aws/sagemaker/ProcessingJobs"
    started_member = "ProcessingStartTime"

    # The request

    def _image(self, request: Mapping[str, Any]) -> str:
        return request["AppSpecification"]["ImageUri"]

    def _resources(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        return request["ProcessingResources"]["ClusterConfig"]

    def _groups(self, request: Mapping[str, Any]) -> Sequence[InstanceGroup]:
        cluster = self._resources(request)
        return [InstanceGroup(cluster["InstanceType"], cluster.get("InstanceCount", 1))]

    def _is_isolated(self, request: Mapping[str, Any]) -> bool:
        return bool(request.get("NetworkConfig", {}).get("EnableNetworkIsolation"))

    # Before, while and after it runs

    def _fetch(self, job: Job, host: Host, acting: Context) -> None:
        files, request, hosts = self._files(job, host), job.record.request, self._hosts(job)
        self._entry(job)  # a job without one fails before it downloads anything
        for output in _outputs(request)[:1]:
            check_output_key(acting, _output_key(request), output["S3Uri"])
        mounts, share = self._inputs(job, host).mounts, hosts.share(host) or ALL
        for source in _sources(request):
            if place := mounts.get(_path(source)):
                fetch_source(
                    acting, source, files.root.parent / place, cache=self._own_files(job), share=share
                )
            else:  # what lies in a folder that is stored must be real files there
                fetch_source(acting, source, files.at(source["LocalPath"]), cache=None, share=share)
        for output in _outputs(request):
            files.at(output["LocalPath"]).mkdir(parents=True, exist_ok=True)
        (files.root / "output").mkdir(parents=True, exist_ok=True)
        config = {name: request[name] for name in _CONFIG if name in request}
        write_processing_input(
            files.root,
            job={"ProcessingJobArn": job.record.arn, **config},
            resource=hosts.resource(host),
        )

    def _inputs(self, job: Job, host: Host) -> Inputs:
        request = job.record.request
        stored = [PurePosixPath(output["LocalPath"]) for output in _outputs(request)]
        paths = dict.fromkeys(_path(source) for source in _sources(request))
        mounts = {
            path: f"{FOLDER}/{number}"
            for number, path in enumerate(paths)
            if not any(_overlap(PurePosixPath(path), folder) for folder in stored)
        }
        return Inputs(mounts, private=tuple(mounts))

    def _downloads_little(self, job: Job) -> bool:
        return not _sources(job.record.request)

    def _stores_little(self, job: Job) -> bool:
        return not _outputs(job.record.request)

    def _entry(self, job: Job) -> Entry:
        asked = job.record.request["AppSpecification"]
        recipe = self._recipe(job)
        own = [""] if recipe.kind == "container" else list(recipe.command)
        entrypoint: list[str] = asked.get("ContainerEntrypoint") or own
        if not entrypoint:
            raise JobFailed(
                f"ClientError: the image {asked['ImageUri']!r} has no entry point for processing here; "
                "give AppSpecification.ContainerEntrypoint"
            )
        return program_entry([*entrypoint, *asked.get("ContainerArguments", ())], recipe)

    def _sync(self, job: Job, *, is_over: bool) -> None:
        """Store the Continuous outputs."""
        for mirror in self._mirrors(job, "Continuous"):
            try:
                mirror.store(self._as_role(job), is_over=is_over)
            except ServiceError as error:
                if is_over:  # before, it is tried again
                    raise _upload_failed(mirror, error) from error

    def _store(self, job: Job, acting: Context) -> Mapping[str, Any]:
        for mirror in self._mirrors(job, "EndOfJob"):
            try:
                mirror.store(acting, is_over=True)
            except ServiceError as error:
                raise _upload_failed(mirror, error) from error
        return {}

    def _mirrors(self, job: Job, mode: str) -> Iterator[Mirror]:
        """The outputs of a mode on every host; algo-1 comes last, so that of files of one name its is kept."""
        for host in reversed(list(self._hosts(job))):
            files = self._files(job, host)
            for number, output in enumerate(_outputs(job.record.request)):
                if output["S3UploadMode"] == mode:
                    yield Mirror(
                        root=files.root,
                        folder=files.at(output["LocalPath"]),
                        target=folder_place(parse_location(output["S3Uri"])),
                        ledger=files.root.parent / f"output-{number}.json",
                        kms_key=_output_key(job.record.request),
                    )

    def _ship(self, job: Job, ends: Sequence[HostRun]) -> None:
        for host, run in ends:
            stream = self._stream(job, host)
            self._shipper.ship(job.ctx.scope, self.log_group, stream, run.log, is_over=run.is_final)

    # The record

    def _note(
        self,
        job: Job,
        status: str,
        *,
        message: str = "",
        state: Mapping[str, Any] | None = None,
        output: Mapping[str, Any] | None = None,
    ) -> None:
        state = {**job.unwritten.state, **(state or {})}
        if state or output:  # a processing job has no secondary status to show
            job.kind.amend(job.ctx, job.record, state=state, output=output)

    def _finish(self, job: Job, status: str, reason: str, output: dict[str, Any]) -> bool:
        messages = (read_message(self._files(job, host).root) for host in self._hosts(job))
        if message := "".join(filter(None, messages))[:_MESSAGE_LENGTH]:  # of all hosts, as AWS documents it
            output["ExitMessage"] = message
        output["ProcessingEndTime"] = job.ctx.now()
        final = status if status in {"Completed", "Failed"} else "Stopped"
        moved = job.kind.move(
            job.ctx,
            job.record,
            final,
            when={"InProgress", "Stopping"},
            output=output,
            others=self._sessions.ending(job),
        )
        return moved is not None


def _sources(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The inputs that the platform fetches."""
    inputs: list[Mapping[str, Any]] = request.get("ProcessingInputs", [])
    return [item["S3Input"] for item in inputs if not item.get("AppManaged")]


def _path(source: Mapping[str, Any]) -> str:
    return str(PurePosixPath(source["LocalPath"]))


def _overlap(one: PurePosixPath, other: PurePosixPath) -> bool:
    return one == other or one in other.parents or other in one.parents


def _outputs(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The outputs that the platform stores."""
    outputs: list[Mapping[str, Any]] = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return [output["S3Output"] for output in outputs if not output.get("AppManaged")]


def _output_key(request: Mapping[str, Any]) -> str:
    return request.get("ProcessingOutputConfig", {}).get("KmsKeyId", "")


def _upload_failed(mirror: Mirror, error: ServiceError) -> JobFailed:
    return JobFailed(f"ClientError: Output upload failed: {error} (S3 URL {mirror.target.uri!r})")
