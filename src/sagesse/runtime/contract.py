"""The files of the training and processing contract under ``/opt/ml``: written by the platform, read by jobs.

Every function takes the folder that the job sees as ``/opt/ml``. A user's own Python runs this too, so it needs nothing
that is not in every Python. Source: the SageMaker developer guide,
"How Amazon SageMaker runs your training image" and "How Amazon SageMaker runs your processing container".
"""

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FAILURE_CHARACTERS = 1024
SOURCE_ARCHIVE = "input/sourcedir.tar.gz"
"""Where the platform puts a script-mode source archive it fetched; the job unpacks it into ``code``."""

_FOLDERS = (  # each behind the one that it is in
    "code",
    "input",
    "input/config",
    "input/data",
    "model",
    "output",
    "output/data",
    "output/intermediate",
    "checkpoints",
)


def base_folder() -> Path:
    """What the running job sees as ``/opt/ml``; elsewhere only where it has no view of its own."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))


def lay_out(base: Path) -> None:
    """Make the folders of a training job; idempotent."""
    base.mkdir(parents=True, exist_ok=True)
    for folder in _FOLDERS:
        with contextlib.suppress(FileExistsError):
            os.mkdir(f"{base}/{folder}")


def write_training_input(
    base: Path,
    *,
    hyperparameters: Mapping[str, str],
    resource: Mapping[str, Any],
    channels: Mapping[str, Any],
    more: Mapping[str, Any] | None = None,
) -> None:
    """Write ``input/config/*.json`` of a training job; idempotent.

    Args:
        resource: from `resource_config`.
        channels: from `input_data_config`.
        more: further files by name (``checkpointconfig``, ``debughookconfig``, ...).
    """
    files: dict[str, object] = {
        "hyperparameters": hyperparameters,
        "resourceconfig": resource,
        "inputdataconfig": channels,
        "init-config": {"inputMode": "File", "channels": sorted(channels)},
        "upstreamoutputdataconfig": [],
        **(more or {}),
    }
    lay_out(base)
    for name, content in files.items():
        _write_json(f"{base}/input/config/{name}.json", content)


def write_processing_input(base: Path, *, job: Mapping[str, Any], resource: Mapping[str, Any]) -> None:
    """Write ``config/processingjobconfig.json`` and ``config/resourceconfig.json`` of a processing job."""
    (base / "config").mkdir(parents=True, exist_ok=True)
    _write_json(f"{base}/config/processingjobconfig.json", job)
    _write_json(f"{base}/config/resourceconfig.json", resource)


def resource_config(
    *,
    instance_type: str,
    hosts: Sequence[str] = ("algo-1",),
    current_host: str = "algo-1",
    group_name: str = "homogeneousCluster",
    groups: Mapping[str, tuple[str, Sequence[str]]] | None = None,
    network_interface_name: str = "lo",
) -> dict[str, Any]:
    """The content of ``resourceconfig.json`` for one host of a job.

    Args:
        instance_type, group_name: of this host.
        hosts: all of them, where they are one group.
        groups: by name, the instance type and the hosts of each group.
    """
    groups = groups or {group_name: (instance_type, hosts)}
    return {
        "current_host": current_host,
        "current_instance_type": instance_type,
        "current_group_name": group_name,
        "hosts": sorted(name for _, names in groups.values() for name in names),
        "instance_groups": [
            {"instance_group_name": name, "instance_type": kind, "hosts": sorted(names)}
            for name, (kind, names) in groups.items()
        ],
        "network_interface_name": network_interface_name,
    }


def input_data_config(channels: Sequence[Mapping[str, Any]], *, input_mode: str = "File") -> dict[str, Any]:
    """The content of ``inputdataconfig.json`` from a request's ``InputDataConfig``."""
    return {channel["ChannelName"]: _channel_config(channel, input_mode) for channel in channels}


def _channel_config(channel: Mapping[str, Any], input_mode: str) -> dict[str, Any]:
    source: Mapping[str, Any] = channel.get("DataSource", {}).get("S3DataSource", {})
    config = {
        "TrainingInputMode": channel.get("InputMode", input_mode),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if "ContentType" in channel:
        config["ContentType"] = channel["ContentType"]
    return config


def read_config(base: Path, name: str) -> dict[str, Any]:
    """One of ``input/config/*.json``; empty when it is not there."""
    try:
        return json.loads((base / "input/config" / f"{name}.json").read_text())
    except FileNotFoundError:
        return {}


def read_failure(base: Path) -> str | None:
    """What the job wrote to ``output/failure``, at most 1,024 characters; None when it wrote nothing."""
    return _read_words(base / "output/failure")


def read_message(base: Path) -> str | None:
    """What a processing job wrote to ``output/message``, at most 1,024 characters; None when it wrote nothing."""
    return _read_words(base / "output/message")


def write_failure(base: Path, text: str) -> None:
    """Leave `text` as the reason of the job's failure."""
    (base / "output").mkdir(parents=True, exist_ok=True)
    (base / "output/failure").write_text(text)


def has_failure(base: Path) -> bool:
    """Whether there is an ``output/failure`` already, which the training toolkit leaves as it is."""
    return os.path.lexists(base / "output/failure")


def write_success(base: Path) -> None:
    """Leave the empty ``output/success`` that the training toolkit leaves."""
    (base / "output").mkdir(parents=True, exist_ok=True)
    (base / "output/success").touch()


def _write_json(path: str, content: object) -> None:
    with open(path, "wb") as file:
        file.write(json.dumps(content, indent=2).encode())


def _read_words(path: Path) -> str | None:
    """The beginning of a text of the job: it may be huge, no text at all, or a link to what is none of its business."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        content = os.read(file, FAILURE_CHARACTERS * 4)
    except OSError:
        return None
    finally:
        os.close(file)
    return content.decode("utf-8", "replace")[:FAILURE_CHARACTERS].strip() or None
