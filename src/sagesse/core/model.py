"""The botocore model of a service: the specification everything else reads.

Only what the models say: shapes, operations, errors, pagination. Read straight from the JSON that botocore
ships (a botocore session costs a hundred times more), with the corrections of `model_patches.json` on top.
"""

import gzip
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import botocore  # pyright: ignore[reportMissingTypeStubs]
import orjson

# Every service PRODUCT.md names, by the folder name botocore gives it (the name boto3.client takes).
SERVICES: tuple[str, ...] = (
    "apigateway",
    "apigatewaymanagementapi",
    "apigatewayv2",
    "application-autoscaling",
    "athena",
    "budgets",
    "ce",
    "cloudtrail",
    "cloudwatch",
    "codeguru-reviewer",
    "codeguru-security",
    "codeguruprofiler",
    "comprehend",
    "comprehendmedical",
    "datapipeline",
    "dms",
    "docdb",
    "dynamodb",
    "dynamodbstreams",
    "ecr",
    "efs",
    "emr",
    "events",
    "firehose",
    "forecast",
    "forecastquery",
    "frauddetector",
    "glue",
    "greengrass",
    "greengrassv2",
    "iam",
    "iot",
    "iot-data",
    "kafka",
    "kinesis",
    "kinesisanalytics",
    "kinesisanalyticsv2",
    "kms",
    "lakeformation",
    "lambda",
    "lex-models",
    "lex-runtime",
    "lexv2-models",
    "lexv2-runtime",
    "logs",
    "marketplace-catalog",
    "mturk",
    "personalize",
    "personalize-events",
    "personalize-runtime",
    "polly",
    "quicksight",
    "rds",
    "redshift",
    "redshift-data",
    "rekognition",
    "s3",
    "s3control",
    "sagemaker",
    "sagemaker-a2i-runtime",
    "sagemaker-edge",
    "sagemaker-featurestore-runtime",
    "sagemaker-metrics",
    "sagemaker-runtime",
    "service-quotas",
    "sns",
    "sqs",
    "sts",
    "textract",
    "timestream-query",
    "timestream-write",
    "transcribe",
    "translate",
)

_PATCHES = Path(__file__).with_name("model_patches.json")


class Operation:
    """One operation of a service model."""

    def __init__(self, service: "ServiceModel", raw: Mapping[str, Any]) -> None:
        self.service = service
        self.raw = raw
        self.name: str = raw["name"]
        self.input: str | None = raw.get("input", {}).get("shape")
        self.output: str | None = raw.get("output", {}).get("shape")
        self.errors: tuple[str, ...] = tuple(error["shape"] for error in raw.get("errors", ()))
        self.http: Mapping[str, Any] = raw.get("http", {"method": "POST", "requestUri": "/"})

    @cached_property
    def method_name(self) -> str:
        """The operation's name in Python, as boto3 spells it: ``create_training_job``."""
        return snake_case(self.name)

    @cached_property
    def input_members(self) -> Mapping[str, Mapping[str, Any]]:
        """Member references of the input shape, by wire name."""
        return self.service.members(self.input)

    @cached_property
    def output_members(self) -> Mapping[str, Mapping[str, Any]]:
        """Member references of the output shape, by wire name."""
        return self.service.members(self.output)

    @cached_property
    def token_member(self) -> str | None:
        """The input member that carries the idempotency token, if any."""
        return next((name for name, ref in self.input_members.items() if ref.get("idempotencyToken")), None)


class ServiceModel:
    """A service as botocore describes it (`service-2.json`, `paginators-1.json`)."""

    def __init__(self, name: str, raw: Mapping[str, Any], paginators: Mapping[str, Any]) -> None:
        self.name = name
        self.metadata: Mapping[str, Any] = raw["metadata"]
        self.shapes: Mapping[str, Mapping[str, Any]] = raw["shapes"]
        self.paginators = paginators
        self.operations: Mapping[str, Operation] = {
            key: Operation(self, value) for key, value in raw["operations"].items()
        }

    @property
    def signing_name(self) -> str:
        """The service's name in a credential scope."""
        return self.metadata.get("signingName") or self.metadata["endpointPrefix"]

    @cached_property
    def by_method(self) -> Mapping[str, Operation]:
        """Operations by their name in Python."""
        return {operation.method_name: operation for operation in self.operations.values()}

    def members(self, shape: str | None) -> Mapping[str, Mapping[str, Any]]:
        """Members of a structure shape, empty for None."""
        return self.shapes[shape].get("members", {}) if shape else {}


@cache
def service_model(name: str) -> ServiceModel:
    """The newest model of the service that botocore carries, patched; cached.

    Raises:
        KeyError: botocore has no such service.
    """
    folder = _data_folder() / name
    if not folder.is_dir():
        raise KeyError(name)
    version = max(child.name for child in folder.iterdir() if child.is_dir())
    raw = _read(folder / version / "service-2.json")
    _patch(raw, _read(_PATCHES).get(name, {}))
    paginators = _read(folder / version / "paginators-1.json").get("pagination", {})
    return ServiceModel(name, raw, paginators)


@cache
def snake_case(name: str) -> str:
    """`name` as boto3 spells methods; asked of botocore itself, whose rules have exceptions."""
    return str(botocore.xform_name(name))  # pyright: ignore[reportUnknownMemberType]


def _data_folder() -> Path:
    return Path(str(botocore.__file__)).parent / "data"


def _read(path: Path) -> dict[str, Any]:
    packed = path.with_name(path.name + ".gz")
    if packed.exists():
        return orjson.loads(gzip.decompress(packed.read_bytes()))
    return orjson.loads(path.read_bytes()) if path.exists() else {}


def _patch(raw: dict[str, Any], patch: Mapping[str, Any]) -> None:
    """Merge `patch` into `raw`, mapping by mapping; None deletes."""
    for key, value in patch.items():
        if value is None:
            raw.pop(key, None)
        elif isinstance(value, dict) and isinstance(raw.get(key), dict):
            _patch(raw[key], value)  # pyright: ignore[reportUnknownArgumentType]
        else:
            raw[key] = value
