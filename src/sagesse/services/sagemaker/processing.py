"""Processing jobs: the API. What a job goes through is in `processing_run`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, unsupported_member, validation_error
from sagesse.core.identifier import new_request_id
from sagesse.core.kind import Kind
from sagesse.core.lifecycle import Lifecycle
from sagesse.core.record import Record
from sagesse.core.scope import Scope
from sagesse.core.service import Facts, Grant, Params, Result
from sagesse.core.state_event import StateEvent
from sagesse.engines.quota import Quotas
from sagesse.services.sagemaker._condition import processing_facts
from sagesse.services.sagemaker._error import check_tags, check_texts, refuse_unsupported
from sagesse.services.sagemaker._family import Family
from sagesse.services.sagemaker._place import check_instance_type
from sagesse.services.sagemaker._quota import check_limits, counted, processing_uses
from sagesse.services.sagemaker._resource import check_count
from sagesse.services.sagemaker._transfer import BadLocation, parse_location
from sagesse.services.sagemaker._vpc import check_vpc
from sagesse.services.sagemaker.processing_run import ProcessingRun

_FINAL = frozenset({"Completed", "Failed", "Stopped"})
_ROOT = PurePosixPath("/opt/ml/processing")

PROCESSING_JOB = Kind(
    service="sagemaker",
    name="ProcessingJob",
    key="ProcessingJobName",
    arn_path="processing-job/{name}",
    lifecycle=Lifecycle(
        initial="InProgress",
        moves={
            "InProgress": frozenset({"Completed", "Failed", "Stopping", "Stopped"}),
            "Stopping": frozenset({"Stopped", "Failed", "Completed"}),
        },
    ),
    describe="DescribeProcessingJob",
    delete="DeleteProcessingJob",
    listing="ListProcessingJobs",
    arn_member="ProcessingJobArn",
    status_member="ProcessingJobStatus",
    missing=lambda name, arn: validation_error(f"Could not find requested job with name: {name}"),
    duplicate=lambda record: ServiceError(
        "ResourceInUse",
        "Job name must be unique within an AWS account and region, and a job with this name already exists "
        f"({record.arn})",
    ),
    deletable=_FINAL,
    event=StateEvent(detail_type="SageMaker Processing Job State Change"),
)

_UNSUPPORTED = {
    "ExperimentConfig": "experiments are not built yet",
    "ProcessingResources.ClusterConfig.VolumeKmsKeyId": (
        "a job's files lie in a folder of this machine, on whatever disk that is"
    ),
    "ProcessingResources.ClusterConfig.InstancePreferences": "there is one machine; use InstanceType",
}
_UNSUPPORTED_INPUT = {
    "DatasetDefinition.AthenaDatasetDefinition": "Athena is not built yet; use S3Input",
    "DatasetDefinition.RedshiftDatasetDefinition": "Redshift is not built yet; use S3Input",
    "DatasetDefinition": "only S3Input is built yet",
}
_UNSUPPORTED_OUTPUT = {"FeatureStoreOutput": "the feature store is not built yet; use S3Output"}


class ProcessingJobs(Family):
    """CreateProcessingJob and StopProcessingJob; describe, list and delete follow from the kind."""

    kinds = (PROCESSING_JOB,)

    def __init__(self, run: ProcessingRun, quotas: Quotas, *, accepts_vpc: bool = False) -> None:
        self._run = run
        self._quotas = quotas
        self._accepts_vpc = accepts_vpc

    def create_processing_job(self, ctx: Context, req: Params) -> Result:
        """Record the wish. The role is looked at now, as on AWS, image and data when the job starts."""
        _check(req)
        check_vpc(req.get("NetworkConfig", {}), accepts_vpc=self._accepts_vpc, where="NetworkConfig.")
        cluster = req["ProcessingResources"]["ClusterConfig"]
        check_limits(self._quotas, ctx, "processing", req, cluster)
        run_id, uses = f"processing-{new_request_id()}", processing_uses(req)
        if known := PROCESSING_JOB.rival(ctx, req["ProcessingJobName"]):
            raise PROCESSING_JOB.duplicate(known)
        with counted(self._quotas, ctx, run_id, uses):
            session = self._run.admit(ctx, req)
            record = PROCESSING_JOB.create(
                ctx,
                {"StoppingCondition": {"MaxRuntimeInSeconds": 86_400}, **req},
                state={
                    "phase": "start",
                    "run_id": run_id,
                    "uses": uses,
                    "access_key_id": session.access_key_id,
                },
            )
        return {"ProcessingJobArn": record.arn}

    def stop_processing_job(self, ctx: Context, req: Params) -> Result:
        """Ask the job to stop; one that has ended cannot be."""
        record = PROCESSING_JOB.get(ctx, req["ProcessingJobName"])
        moved = PROCESSING_JOB.move(ctx, record, "Stopping", when={"InProgress"})
        current = moved or PROCESSING_JOB.get(ctx, record.name)
        if current.status in _FINAL:
            raise validation_error(
                f"The request was rejected because the processing job is in status {current.status}."
            )
        return None

    def advance(self, ctx: Context, record: Record) -> float | None:
        """One step of the job's run."""
        return self._run.advance(ctx, PROCESSING_JOB, record)

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        yield from super()._grants(operation, params, scope)
        if operation == "CreateProcessingJob":
            yield Grant("iam:PassRole", str(params.get("RoleArn", "*")))

    def _facts(self, operation: str, params: Params) -> Facts:
        return processing_facts(params) if operation == "CreateProcessingJob" else {}


def _check(req: Mapping[str, Any]) -> None:
    refuse_unsupported(req, _UNSUPPORTED)
    check_tags(req.get("Tags", ()))
    check_texts(req, "Environment")
    check_texts(req["AppSpecification"], "ContainerEntrypoint", "ContainerArguments")
    cluster = req["ProcessingResources"]["ClusterConfig"]
    if not cluster.get("InstanceType"):
        raise validation_error("ProcessingResources.ClusterConfig.InstanceType is required.")
    check_instance_type(cluster["InstanceType"])
    check_count("ProcessingResources.ClusterConfig.InstanceCount", cluster.get("InstanceCount", 1))
    inputs: Sequence[Mapping[str, Any]] = req.get("ProcessingInputs", ())
    outputs: Sequence[Mapping[str, Any]] = req.get("ProcessingOutputConfig", {}).get("Outputs", ())
    _check_unique("ProcessingInputs", [item["InputName"] for item in inputs])
    _check_unique("ProcessingOutputConfig.Outputs", [item["OutputName"] for item in outputs])
    for item in inputs:
        _check_input(item)
    for item in outputs:
        _check_output(item)


def _check_unique(where: str, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise validation_error(f"{where}: names must be unique; got {list(names)}.")


def _check_input(item: Mapping[str, Any]) -> None:
    where = f"ProcessingInputs {item['InputName']!r}"
    refuse_unsupported(item, _UNSUPPORTED_INPUT)
    source = item.get("S3Input")
    if source is None:
        raise validation_error(f"{where} needs S3Input.")
    if source.get("S3InputMode", "File") == "Pipe":
        raise unsupported_member(
            f"S3InputMode Pipe of {where}", "AWS does not say where its pipes are; allowed: File"
        )
    if source.get("S3CompressionType", "None") != "None":
        raise validation_error(
            f"S3CompressionType Gzip of {where} can only be used when Pipe mode is specified as the S3InputMode."
        )
    _check_place(where, item, source)


def _check_output(item: Mapping[str, Any]) -> None:
    where = f"ProcessingOutputConfig.Outputs {item['OutputName']!r}"
    refuse_unsupported(item, _UNSUPPORTED_OUTPUT)
    target = item.get("S3Output")
    if target is None:
        raise validation_error(f"{where} needs S3Output.")
    _check_place(where, item, target)


def _check_place(where: str, item: Mapping[str, Any], place: Mapping[str, Any]) -> None:
    """The S3 URI of an input or output, and its folder in the job; an AppManaged one is the job's own business."""
    try:
        parse_location(place["S3Uri"])
    except BadLocation as error:
        raise validation_error(f"{where}: {error}") from error
    if item.get("AppManaged"):
        return
    path = PurePosixPath(place.get("LocalPath", ""))
    if ".." in path.parts or _ROOT not in path.parents:
        raise validation_error(
            f"{where}: LocalPath {str(path)!r} is not allowed; allowed: a folder below {_ROOT}."
        )
