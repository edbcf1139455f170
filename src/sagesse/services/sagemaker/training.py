"""Training jobs: the API. What a job goes through is in `training_run`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, validation_error
from sagesse.core.identifier import new_request_id
from sagesse.core.kind import Kind
from sagesse.core.lifecycle import Lifecycle
from sagesse.core.record import Record
from sagesse.core.scope import Scope
from sagesse.core.service import Facts, Grant, Params, Result
from sagesse.core.state_event import StateEvent
from sagesse.engines.quota import Quotas
from sagesse.services.sagemaker._channel import check_channels
from sagesse.services.sagemaker._checkpoint import check_checkpoint
from sagesse.services.sagemaker._condition import training_facts
from sagesse.services.sagemaker._debug_output import check_debug_outputs
from sagesse.services.sagemaker._error import check_tags, check_texts, refuse_unsupported, require
from sagesse.services.sagemaker._family import Family
from sagesse.services.sagemaker._place import check_instance_type
from sagesse.services.sagemaker._quota import check_limits, counted, training_uses
from sagesse.services.sagemaker._resource import check_resources
from sagesse.services.sagemaker._spot import check_spot, is_spot
from sagesse.services.sagemaker._training_state import first_transition, transition
from sagesse.services.sagemaker._transfer import BadLocation, parse_location
from sagesse.services.sagemaker._vpc import check_vpc
from sagesse.services.sagemaker._warm_pool import check_keep_alive, prolong, with_retained_time
from sagesse.services.sagemaker.training_run import TrainingRun

_FINAL = frozenset({"Completed", "Failed", "Stopped"})


def _narrow(req: Params) -> Callable[[Record], bool] | None:
    """The filters of a listing beside those that every listing has."""
    refuse_unsupported(req, {"TrainingPlanArnEquals": "training plans make no sense on one machine"})
    wanted = req.get("WarmPoolStatusEquals")
    if wanted is None:
        return None
    return lambda record: record.output.get("WarmPoolStatus", {}).get("Status") == wanted


TRAINING_JOB = Kind(
    service="sagemaker",
    name="TrainingJob",
    key="TrainingJobName",
    arn_path="training-job/{name}",
    lifecycle=Lifecycle(
        initial="InProgress",
        moves={
            "InProgress": frozenset({"Completed", "Failed", "Stopping", "Stopped"}),
            "Stopping": frozenset({"Stopped", "Failed", "Completed"}),
        },
    ),
    describe="DescribeTrainingJob",
    listing="ListTrainingJobs",
    arn_member="TrainingJobArn",
    status_member="TrainingJobStatus",
    missing=lambda name, arn: validation_error("Requested resource not found."),
    duplicate=lambda record: ServiceError(
        "ResourceInUse",
        "Training job names must be unique within an AWS account and region, and a training job with this name "
        f"already exists ({record.arn})",
    ),
    deletable=_FINAL,
    extend=with_retained_time,
    narrow=_narrow,
    event=StateEvent(detail_type="SageMaker Training Job State Change", finer="SecondaryStatus"),
)

_UNSUPPORTED = {
    "DebugRuleConfigurations": "Debugger rules are not built yet",
    "ExperimentConfig": "experiments are not built yet",
    "ProfilerRuleConfigurations": "profiler rules are not built yet",
    "ProfilerConfig.ProfilingParameters": "frameworks are not profiled",
    "RemoteDebugConfig.EnableRemoteDebug": "the job is a process on this machine: debug it there",
    "SessionChainingConfig.EnableSessionTagChaining": "session tag chaining is not built yet",
    "ServerlessJobConfig": "serverless jobs are not built yet",
    "MlflowConfig": "MLflow is not built yet",
    "ModelPackageConfig": "the model registry is not built yet",
    "AlgorithmSpecification.AlgorithmName": "marketplace algorithms are not built yet; use TrainingImage",
    "AlgorithmSpecification.TrainingImageConfig": "images are resolved to local recipes",
    "ResourceConfig.VolumeKmsKeyId": "a job's files lie in a folder of this machine, on whatever disk that is",
    "ResourceConfig.TrainingPlanArn": "training plans make no sense on one machine",
    "ResourceConfig.InstancePlacementConfig": "there is one machine",
    "ResourceConfig.InstancePreferences": "there is one machine; use InstanceType",
}
_NOT_UPDATED = {
    "ProfilerConfig": "the profiler is not built yet",
    "ProfilerRuleConfigurations": "profiler rules are not built yet",
    "RemoteDebugConfig": "the job is a process on this machine: debug it there",
}


class TrainingJobs(Family):
    """CreateTrainingJob and StopTrainingJob; describe, list and delete follow from the kind."""

    kinds = (TRAINING_JOB,)

    def __init__(self, run: TrainingRun, quotas: Quotas, *, accepts_vpc: bool = False) -> None:
        self._run = run
        self._quotas = quotas
        self._accepts_vpc = accepts_vpc

    def create_training_job(self, ctx: Context, req: Params) -> Result:
        """Record the wish. Role and data are looked at now, as on AWS, the image when the job starts."""
        _check(req)
        check_vpc(req, accepts_vpc=self._accepts_vpc)
        if known := TRAINING_JOB.rival(ctx, req["TrainingJobName"]):
            raise TRAINING_JOB.duplicate(known)
        self._run.check_algorithm(req)
        check_limits(self._quotas, ctx, "training", req, req["ResourceConfig"])
        run_id, uses = f"training-{new_request_id()}", training_uses(req)
        with counted(self._quotas, ctx, run_id, uses):
            session = self._run.admit(ctx, req)
            record = TRAINING_JOB.create(
                ctx,
                _with_defaults(req, self._run.metric_definitions(req["AlgorithmSpecification"])),
                output=first_transition(ctx.now()),
                state={
                    "phase": "start",
                    "run_id": run_id,
                    "uses": uses,
                    "access_key_id": session.access_key_id,
                },
            )
        return {"TrainingJobArn": record.arn}

    def stop_training_job(self, ctx: Context, req: Params) -> Result:
        """Ask the job to stop; one that has ended cannot be."""
        record = TRAINING_JOB.get(ctx, req["TrainingJobName"])
        output = transition(record.output["SecondaryStatusTransitions"], "Stopping", ctx.now())
        moved = TRAINING_JOB.move(ctx, record, "Stopping", when={"InProgress"}, output=output)
        current = moved or TRAINING_JOB.get(ctx, record.name)
        if current.status in _FINAL:
            raise validation_error(
                f"The request was rejected because the training job is in status {current.status}."
            )
        return None

    def update_training_job(self, ctx: Context, req: Params) -> Result:
        """Change how long the job's instances are kept after its end; 0 ends its warm pool."""
        refuse_unsupported(req, _NOT_UPDATED)
        record = TRAINING_JOB.get(ctx, req["TrainingJobName"])
        if "ResourceConfig" in req:
            prolong(ctx, TRAINING_JOB, record, req["ResourceConfig"]["KeepAlivePeriodInSeconds"])
        return {"TrainingJobArn": record.arn}

    def delete_training_job(self, ctx: Context, req: Params) -> Result:
        """Forget a job that has ended and whose instances are not kept."""
        record = TRAINING_JOB.get(ctx, req["TrainingJobName"])
        if record.status not in _FINAL:
            raise _in_use(f"Cannot delete {record.arn} in status {record.status}; stop it first.")
        if record.output.get("WarmPoolStatus", {}).get("Status") == "Available":
            raise _in_use(
                f"Cannot delete {record.arn} while its warm pool is Available; end it with UpdateTrainingJob and "
                "KeepAlivePeriodInSeconds 0."
            )
        TRAINING_JOB.remove(ctx, record.name)
        return None

    def advance(self, ctx: Context, record: Record) -> float | None:
        """One step of the job's run."""
        return self._run.advance(ctx, TRAINING_JOB, record)

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        yield from super()._grants(operation, params, scope)
        if operation == "CreateTrainingJob":
            yield Grant("iam:PassRole", str(params.get("RoleArn", "*")))

    def _facts(self, operation: str, params: Params) -> Facts:
        return training_facts(params) if operation == "CreateTrainingJob" else {}


def interrupt(ctx: Context, name: str) -> None:
    """Take the capacity of a spot job back, as if the market had.

    Raises:
        ServiceError: there is no such job, or it does not run on spot capacity, or not any more.
    """
    record = TRAINING_JOB.get(ctx, name)
    if not is_spot(record.request) or record.status != "InProgress":
        raise validation_error(
            f"{name} cannot be interrupted; allowed: jobs with EnableManagedSpotTraining that are InProgress."
        )
    TRAINING_JOB.amend(ctx, record, state={"interrupt": record.state["run_id"]})
    ctx.wake(record)


def _in_use(said: str) -> ServiceError:
    return ServiceError("ResourceInUse", said)


def _with_defaults(req: Params, metrics: Sequence[Mapping[str, str]]) -> Params:
    """The request with what SageMaker adds to a description when it was not asked for."""
    specification: dict[str, Any] = dict(req["AlgorithmSpecification"])
    if metrics:
        specification["MetricDefinitions"] = list(metrics)  # the SDK's TrainingJobAnalytics reads them there
    channels = [
        {"CompressionType": "None", "RecordWrapperType": "None", **channel}
        for channel in req.get("InputDataConfig", ())
    ]
    return {
        "StoppingCondition": {"MaxRuntimeInSeconds": 86_400},
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        "ProfilingStatus": "Disabled",
        **req,
        "AlgorithmSpecification": specification,
        **({"InputDataConfig": channels} if channels else {}),
        "OutputDataConfig": {"KmsKeyId": "", "CompressionType": "GZIP", **req["OutputDataConfig"]},
    }


def _check(req: Mapping[str, Any]) -> None:
    refuse_unsupported(req, _UNSUPPORTED)
    require(
        req, "AlgorithmSpecification", "ResourceConfig"
    )  # optional in the model, for serverless jobs only
    specification = req["AlgorithmSpecification"]
    if not specification.get("TrainingImage"):
        raise validation_error("AlgorithmSpecification.TrainingImage is required.")
    check_tags(req.get("Tags", ()))
    check_texts(req, "Environment", "HyperParameters")
    check_texts(specification, "ContainerEntrypoint", "ContainerArguments")
    groups = check_resources(req["ResourceConfig"])
    for group in groups:
        check_instance_type(group.instance_type)
    mode = specification["TrainingInputMode"]
    channels: list[Mapping[str, Any]] = req.get("InputDataConfig", [])
    check_channels(channels, mode, groups=[group.name for group in groups])
    if "CheckpointConfig" in req:
        check_checkpoint(req["CheckpointConfig"])
    check_debug_outputs(req)
    check_spot(req)
    check_keep_alive(req)
    try:
        parse_location(req["OutputDataConfig"]["S3OutputPath"])
    except BadLocation as error:
        raise validation_error(f"OutputDataConfig.S3OutputPath: {error}") from error
