"""CheckpointConfig: a folder of the job that is brought from S3 before it starts and kept there while it runs."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from sagesse.core.error import validation_error
from sagesse.services.sagemaker._mirror import Mirror, folder_place
from sagesse.services.sagemaker._transfer import BadLocation, parse_location

DEFAULT_PATH = "/opt/ml/checkpoints"
_FOLDER = "checkpoints"  # of the run, for a path outside /opt/ml
_LEDGER = "checkpoints.json"


def local_path(config: Mapping[str, Any]) -> str:
    """Where the job finds its checkpoints."""
    return str(config.get("LocalPath") or DEFAULT_PATH).rstrip("/")


def check_checkpoint(config: Mapping[str, Any]) -> None:
    """Refuse a place that cannot be synchronised.

    Raises:
        ServiceError: names the member.
    """
    try:
        parse_location(config["S3Uri"])
    except BadLocation as error:
        raise validation_error(f"CheckpointConfig.S3Uri: {error}") from error
    path = PurePosixPath(local_path(config))
    is_ours = str(path) in {"/opt", "/opt/ml"} or path.is_relative_to("/opt/ml/input")
    if ".." in path.parts or path.parts[:2] != ("/", "opt") or is_ours:
        raise validation_error(
            f"Sagesse does not support CheckpointConfig.LocalPath {str(path)!r}; allowed: a folder of its own "
            f"below /opt, such as {DEFAULT_PATH}."
        )


def checkpoint_mounts(config: Mapping[str, Any]) -> dict[str, str]:
    """What a job sees besides ``/opt/ml`` because its checkpoints lie elsewhere."""
    path = local_path(config)
    return {} if path.startswith("/opt/ml/") else {path: _FOLDER}


def checkpoint_mirror(config: Mapping[str, Any], run_folder: Path) -> Mirror:
    """The mirror of a run's checkpoints."""
    path = local_path(config)
    below_ml = path.startswith("/opt/ml/")
    root = run_folder / ("ml" if below_ml else _FOLDER)
    return Mirror(
        root=root,
        folder=root / path.removeprefix("/opt/ml/") if below_ml else root,
        target=folder_place(parse_location(config["S3Uri"])),
        ledger=run_folder / _LEDGER,
    )
