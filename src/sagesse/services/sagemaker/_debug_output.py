"""TensorBoardOutputConfig and DebugHookConfig: folders that scripts write to, kept in S3 while the job runs.

What writes there is the script's (a SummaryWriter, smdebug); it finds both settings in ``/opt/ml/input/config``.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from sagesse.core.error import validation_error
from sagesse.services.sagemaker._mirror import Mirror, folder_place
from sagesse.services.sagemaker._transfer import BadLocation, Location, parse_location

_ML = PurePosixPath("/opt/ml")


class _Output(NamedTuple):
    member: str
    local_path: str
    place: str
    file: str


_OUTPUTS = (
    _Output(
        "TensorBoardOutputConfig",
        "/opt/ml/output/tensorboard",
        "tensorboard-output",
        "tensorboardoutputconfig",
    ),
    _Output("DebugHookConfig", "/opt/ml/output/tensors", "debug-output", "debughookconfig"),
)


def check_debug_outputs(request: Mapping[str, Any]) -> None:
    """Refuse folders that cannot be kept.

    Raises:
        ServiceError: names the member.
    """
    for output, config in _asked(request):
        path = PurePosixPath(config["LocalPath"])
        if ".." in path.parts or _ML not in path.parents or path.is_relative_to(_ML / "input"):
            raise validation_error(
                f"Sagesse does not support {output.member}.LocalPath {str(path)!r}; allowed: a folder below {_ML} that "
                f"is not {_ML}/input, such as {output.local_path}."
            )
        try:
            parse_location(config["S3OutputPath"])
        except BadLocation as error:
            raise validation_error(f"{output.member}.S3OutputPath: {error}") from error


def debug_files(request: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The files of ``input/config`` that tell the job, by name."""
    return {output.file: config for output, config in _asked(request)}


def debug_mirrors(request: Mapping[str, Any], run_folder: Path) -> Iterator[tuple[str, Mirror]]:
    """The mirrors of a run's folders, below ``<S3OutputPath>/<job>/`` as on AWS; what is removed stays there."""
    root = run_folder / "ml"
    for output, config in _asked(request):
        base = folder_place(parse_location(config["S3OutputPath"]))
        yield (
            output.member,
            Mirror(
                root=root,
                folder=root / PurePosixPath(config["LocalPath"]).relative_to(_ML),
                target=Location(base.bucket, f"{base.key}{request['TrainingJobName']}/{output.place}/"),
                ledger=run_folder / f"{output.place}.json",
                keeps_removed=True,
            ),
        )


def _asked(request: Mapping[str, Any]) -> Iterator[tuple[_Output, Mapping[str, Any]]]:
    """What the request asks for, with the place in the job that is meant when it names none."""
    for output in _OUTPUTS:
        if config := request.get(output.member):
            yield output, {"LocalPath": output.local_path, **config}
