"""Models: an image and the artifacts it serves."""

from collections.abc import Iterable, Mapping
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import validation_error
from sagesse.core.kind import Kind
from sagesse.core.principal import Credentials
from sagesse.core.scope import Scope
from sagesse.core.service import Facts, Grant, Params, Result
from sagesse.core.state_event import StateEvent
from sagesse.services.sagemaker._admission import assume_role
from sagesse.services.sagemaker._condition import model_facts
from sagesse.services.sagemaker._error import (
    already_existing,
    check_texts,
    could_not_find,
    refuse_unsupported,
    require,
)
from sagesse.services.sagemaker._family import Family
from sagesse.services.sagemaker._model_fetch import check_model_data, is_fetched
from sagesse.services.sagemaker._vpc import check_vpc

MODEL = Kind(
    service="sagemaker",
    name="Model",
    key="ModelName",
    arn_path="model/{name}",
    describe="DescribeModel",
    delete="DeleteModel",
    listing="ListModels",
    arn_member="ModelArn",
    missing=could_not_find("model"),
    duplicate=already_existing("model"),
    event=StateEvent(detail_type="SageMaker Model State Change", tells_deletion=True),
)

_UNSUPPORTED = {
    "InferenceExecutionConfig": "inference pipelines are not built yet",
}
_UNSUPPORTED_IN_CONTAINER = {
    "ImageConfig": "images are resolved to local recipes",
    "ModelPackageName": "the model registry is not built yet",
    "InferenceSpecificationName": "the model registry is not built yet",
    "MultiModelConfig": "multi-model endpoints are not built yet",
    "AdditionalModelDataSources": "a model has one data source here",
    "ContainerMetricsConfig": "container metrics are not scraped",
    "ModelDataSource.S3DataSource.HubAccessConfig": "hubs are not built yet",
    "ModelDataSource.S3DataSource.ManifestS3Uri": "the model is all that lies below S3Uri",
    "ModelDataSource.S3DataSource.ETag": "the object is taken as it is when its endpoint is made",
    "ModelDataSource.S3DataSource.ManifestEtag": "the model is all that lies below S3Uri",
}


class Models(Family):
    """CreateModel; the rest follows from the kind."""

    kinds = (MODEL,)

    def __init__(self, credentials: Credentials, *, accepts_vpc: bool = False) -> None:
        self._credentials = credentials
        self._accepts_vpc = accepts_vpc

    def create_model(self, ctx: Context, req: Params) -> Result:
        """Record a model whose data is there. It is fetched when an endpoint needs it, as on AWS."""
        refuse_unsupported(req, _UNSUPPORTED)
        check_vpc(req, accepts_vpc=self._accepts_vpc)
        container = _container(req)
        _check_container(container)
        if is_fetched(container):
            require(req, "ExecutionRoleArn")
            role = assume_role(ctx, self._credentials, req["ExecutionRoleArn"], needed_s=0)
            check_model_data(ctx.acting_as(role.principal), container)
        return MODEL.create(ctx, req)

    def _facts(self, operation: str, params: Params) -> Facts:
        return model_facts(params) if operation == "CreateModel" else {}

    def _grants(self, operation: str, params: Params, scope: Scope) -> Iterable[Grant]:
        yield from super()._grants(operation, params, scope)
        if role := params.get("ExecutionRoleArn"):
            yield Grant("iam:PassRole", str(role))


def _container(req: Params) -> Mapping[str, Any]:
    """The one container of the request."""
    containers: list[Mapping[str, Any]] = list(req.get("Containers", ()))
    if len(containers) > 1:
        raise validation_error(
            "Sagesse does not support more than one entry in Containers yet (inference pipelines)."
        )
    if "PrimaryContainer" in req and containers:
        raise validation_error("Give PrimaryContainer or Containers, not both.")
    if not containers and "PrimaryContainer" not in req:
        raise validation_error("Either PrimaryContainer or Containers is required.")
    return req["PrimaryContainer"] if "PrimaryContainer" in req else containers[0]


def _check_container(container: Mapping[str, Any]) -> None:
    refuse_unsupported(container, _UNSUPPORTED_IN_CONTAINER)
    check_texts(container, "Environment")
    if not container.get("Image"):
        raise validation_error(
            "PrimaryContainer.Image is required: the URI of the image that serves the model."
        )
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise validation_error("Sagesse does not support Mode MultiModel yet; allowed: SingleModel.")
    if "ModelDataUrl" in container and "ModelDataSource" in container:
        raise validation_error("Give ModelDataUrl or ModelDataSource, not both.")
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    if source.get("CompressionType") == "Gzip" and source["S3DataType"] != "S3Object":
        raise validation_error(
            f"ModelDataSource: S3DataType {source['S3DataType']} is not allowed with CompressionType Gzip; "
            "allowed: S3Object."
        )


def container_of(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one container of a stored model's request."""
    return request.get("PrimaryContainer") or request["Containers"][0]
