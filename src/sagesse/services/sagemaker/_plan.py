"""From a training job's request to files under ``/opt/ml`` and a command to run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.core.record import Record
from sagesse.engines.image import Recipe
from sagesse.engines.jobs.base import Command, PythonEntry
from sagesse.runtime.contract import (
    SOURCE_ARCHIVE,
    input_data_config,
    read_failure,
    write_training_input,
)
from sagesse.services.sagemaker._channel import FOLDER
from sagesse.services.sagemaker._debug_output import debug_files
from sagesse.services.sagemaker._entry import Entry, program_entry, script_entry
from sagesse.services.sagemaker._error import ChannelError
from sagesse.services.sagemaker._job import JobFailed
from sagesse.services.sagemaker._transfer import BadLocation, are_little, download, entries, parse_location

_TRAIN = ["train"]  # what SageMaker calls a training image with


class JobFiles:
    """The job's ``/opt/ml`` as the server sees it.

    Args:
        root: the folder that the job sees as ``/opt/ml``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def model(self) -> Path:
        """``model/``: becomes model.tar.gz."""
        return self.root / "model"

    @property
    def output_data(self) -> Path:
        """``output/data/``: becomes output.tar.gz."""
        return self.root / "output" / "data"

    def at(self, inside: str) -> Path:
        """The folder or file that the job sees as `inside`, a path below ``/opt/ml``."""
        return self.root / inside.removeprefix("/opt/ml").strip("/")

    def channel(self, name: str) -> Path:
        """The folder in which an input channel is laid out; the job sees it elsewhere."""
        return self.root.parent / FOLDER / name

    def hold_little(self) -> bool:
        """Whether what is to be stored of them is a few small files."""
        return are_little([*entries(self.model), *entries(self.output_data)])

    def failure(self) -> str:
        """What the job wrote into ``output/failure``."""
        return read_failure(self.root) or ""

    def fetch_code(self, ctx: Context, request: Mapping[str, Any]) -> None:
        """Fetch the archive that ``sagemaker_submit_directory`` names, if it is in S3."""
        uri = plain(request.get("HyperParameters", {}).get("sagemaker_submit_directory", ""))
        if not uri.startswith("s3://"):
            return
        try:
            download(ctx, parse_location(uri), self.root / SOURCE_ARCHIVE)
        except (ServiceError, BadLocation) as error:
            raise ChannelError(
                f"ClientError: The source code {uri!r} could not be downloaded: {error}"
            ) from error

    def write_contract(
        self, record: Record, channels: Sequence[Mapping[str, Any]], resource: Mapping[str, Any]
    ) -> None:
        """Make the folders and the files of ``input/config``, for the host that `resource` is of and its channels."""
        request = record.request
        mode = request["AlgorithmSpecification"]["TrainingInputMode"]
        write_training_input(
            self.root,
            hyperparameters=request.get("HyperParameters", {}),
            resource=resource,
            channels=input_data_config(channels, input_mode=mode),
            more={
                "trainingjobconfig": {"TrainingJobName": record.name, "TrainingJobArn": record.arn},
                **(
                    {"checkpointconfig": request["CheckpointConfig"]} if "CheckpointConfig" in request else {}
                ),
                **debug_files(request),
            },
        )


def make_entry(recipe: Recipe, request: Mapping[str, Any]) -> Entry:
    """What to run: the request's own entrypoint, a user script, or the built-in algorithm.

    Raises:
        JobFailed: arguments for an image's own entry point that takes none.
    """
    specification = request["AlgorithmSpecification"]
    entrypoint: list[str] = list(specification.get("ContainerEntrypoint", ()))
    if entrypoint:
        return program_entry([*entrypoint, *specification.get("ContainerArguments", ())], recipe)
    arguments: list[str] = specification.get("ContainerArguments") or _TRAIN
    if recipe.kind == "command":
        return Command(argv=(*recipe.command, *arguments), cwd="/")
    if recipe.kind == "container":
        return Command(argv=("", *arguments))
    if arguments != _TRAIN:
        raise JobFailed(
            f"ClientError: ContainerArguments {arguments} need ContainerEntrypoint: the entry point of the image "
            f"{specification['TrainingImage']!r} takes none but 'train'"
        )
    if is_builtin(recipe, request):
        return PythonEntry(module="sagesse.runtime.train", args=(recipe.name,), preload=recipe.preload)
    return script_entry(recipe)


def is_builtin(recipe: Recipe, request: Mapping[str, Any]) -> bool:
    """Whether the job runs the image's own algorithm, and no program of the user's."""
    if request["AlgorithmSpecification"].get("ContainerEntrypoint"):
        return False
    return recipe.kind == "algorithm" and "sagemaker_program" not in request.get("HyperParameters", {})


def plain(value: str) -> str:
    """A hyperparameter that the SDK may have encoded as JSON once more."""
    try:
        decoded = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    return decoded if isinstance(decoded, str) else value
