"""What a training job left, stored as its artifacts: the model and the output data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError
from sagesse.services.sagemaker._job import JobFailed
from sagesse.services.sagemaker._merge import merge
from sagesse.services.sagemaker._mirror import store_folder
from sagesse.services.sagemaker._plan import JobFiles
from sagesse.services.sagemaker._transfer import (
    BadLocation,
    Location,
    are_little,
    entries,
    pack,
    packed,
    parse_location,
    upload,
)


def store_artifacts(acting: Context, name: str, asked: Mapping[str, Any], hosts: Sequence[JobFiles]) -> str:
    """Store what the hosts of a job left; where its model is then.

    Args:
        acting: acts as the job's role.
        name: of the job.
        asked: its OutputDataConfig.
        hosts: the files of each; they are put together in those of the first.

    Raises:
        JobFailed: it cannot be stored.
    """
    files, *others = hosts
    target = parse_location(asked["S3OutputPath"].rstrip("/") + "/")
    base = Location(target.bucket, f"{target.key}{name}/output")
    merge(files.model, [other.model for other in others])
    merge(files.output_data, [other.output_data for other in others])
    try:
        model = _store_model(acting, files, base, asked)
        if entries(files.output_data):
            archive = Location(base.bucket, f"{base.key}/output.tar.gz")
            _store_archive(acting, files, files.output_data, archive, asked.get("KmsKeyId", ""))
    except (
        ServiceError,
        BadLocation,
        PermissionError,
        FileNotFoundError,
    ) as error:  # jobs leave odd things
        raise JobFailed(f"ClientError: Artifact upload failed: {error} (S3 URL {base.uri!r})") from error
    return model


def _store_model(ctx: Context, files: JobFiles, base: Location, asked: Mapping[str, Any]) -> str:
    """Store ``model/`` as an archive or as it is; where it is then."""
    key = asked.get("KmsKeyId", "")
    if asked.get("CompressionType", "GZIP") != "NONE":
        archive = Location(base.bucket, f"{base.key}/model.tar.gz")
        return _store_archive(ctx, files, files.model, archive, key)
    target = Location(base.bucket, f"{base.key}/model/")
    store_folder(ctx, files.root, files.model, target, kms_key=key)
    return target.uri


def _store_archive(ctx: Context, files: JobFiles, folder: Path, target: Location, kms_key: str) -> str:
    """Store a folder as an archive, made in memory where it holds little; where it is then."""
    left = entries(folder)
    if are_little(left):
        upload(ctx, packed(left), target, kms_key=kms_key)
        return target.uri
    archive = files.root.parent / target.key.rsplit("/", 1)[-1]  # where the job could not put a link
    pack(folder, archive)
    upload(ctx, archive, target, kms_key=kms_key)
    archive.unlink()
    return target.uri
