"""Endpoint configurations: which models an endpoint serves, on what, with which weights."""

from collections.abc import Mapping
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import validation_error
from sagesse.core.kind import Kind
from sagesse.core.service import Facts, Params, Result
from sagesse.core.state_event import StateEvent
from sagesse.services.sagemaker._condition import endpoint_config_facts
from sagesse.services.sagemaker._error import already_existing, could_not_find, refuse_unsupported
from sagesse.services.sagemaker._family import Family
from sagesse.services.sagemaker._vpc import check_vpc
from sagesse.services.sagemaker.model import MODEL

ENDPOINT_CONFIG = Kind(
    service="sagemaker",
    name="EndpointConfig",
    key="EndpointConfigName",
    arn_path="endpoint-config/{name}",
    describe="DescribeEndpointConfig",
    delete="DeleteEndpointConfig",
    listing="ListEndpointConfigs",
    arn_member="EndpointConfigArn",
    missing=could_not_find("endpoint configuration"),
    duplicate=already_existing("endpoint configuration"),
    event=StateEvent(detail_type="SageMaker Endpoint Config State Change", tells_deletion=True),
)

_UNSUPPORTED = {
    "DataCaptureConfig.EnableCapture": "data capture is not built yet",
    "KmsKeyId": "disks of endpoints are not encrypted here",
    "AsyncInferenceConfig": "asynchronous inference is not built yet",
    "ExplainerConfig": "online explanations are not built yet",
    "ShadowProductionVariants": "shadow variants are not built yet",
    "EnableNetworkIsolation": "set EnableNetworkIsolation on the model instead",
    "ExecutionRoleArn": "inference components are not built yet; models have their own roles",
    "CrossRegionTrafficConfig": "there is one machine",
    "MetricsConfig": "container metrics are not scraped",
}
_UNSUPPORTED_IN_VARIANT = {
    "ServerlessConfig": "serverless endpoints are not built yet",
    "AcceleratorType": "Elastic Inference no longer exists",
    "ManagedInstanceScaling": "scaling is not built yet",
    "InstancePools": "there is one machine",
    "CoreDumpConfig": "core dumps are not collected",
    "CapacityReservationConfig": "there is one machine",
    "AcceleratorPartitionLayouts": "there is one machine",
    "EnableSSMAccess": "there is one machine",
}
MAX_INSTANCES = 16  # processes of one variant


class EndpointConfigs(Family):
    """CreateEndpointConfig; the rest follows from the kind."""

    kinds = (ENDPOINT_CONFIG,)

    def __init__(self, *, accepts_vpc: bool = False) -> None:
        self._accepts_vpc = accepts_vpc

    def create_endpoint_config(self, ctx: Context, req: Params) -> Result:
        """Record a configuration whose models exist."""
        refuse_unsupported(req, _UNSUPPORTED)
        check_vpc(req, accepts_vpc=self._accepts_vpc)
        variants: list[Mapping[str, Any]] = req["ProductionVariants"]
        names = [variant["VariantName"] for variant in variants]
        if len(set(names)) < len(names):
            raise validation_error(f"ProductionVariants must have different VariantName values; got {names}.")
        if all(variant.get("InitialVariantWeight", 1.0) == 0 for variant in variants):
            raise validation_error(
                "At least one of ProductionVariants needs an InitialVariantWeight above 0."
            )
        for variant in variants:
            _check_variant(ctx, variant)
        return ENDPOINT_CONFIG.create(ctx, req)

    def _facts(self, operation: str, params: Params) -> Facts:
        return endpoint_config_facts(params) if operation == "CreateEndpointConfig" else {}


def _check_variant(ctx: Context, variant: Mapping[str, Any]) -> None:
    refuse_unsupported(variant, _UNSUPPORTED_IN_VARIANT)
    if "ModelName" not in variant:
        raise validation_error(
            f"ProductionVariants: ModelName is required for variant {variant['VariantName']!r}."
        )
    MODEL.get(ctx, variant["ModelName"])
    if "InstanceType" not in variant:
        raise validation_error(
            f"ProductionVariants: InstanceType is required for variant {variant['VariantName']!r}."
        )
    count = variant.get("InitialInstanceCount", 1)
    if count > MAX_INSTANCES:
        raise validation_error(
            f"ProductionVariants: InitialInstanceCount {count} of variant {variant['VariantName']!r} is more than "
            f"this machine offers; allowed: 1 to {MAX_INSTANCES}."
        )
