"""Bringing a model's files from S3 to the folder that its server sees as ``/opt/ml/model``."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sagesse.core.call import Context
from sagesse.core.error import ServiceError, validation_error
from sagesse.engines.serving.model_archive import BadModelArchive, unpack_model
from sagesse.services.sagemaker._channel_files import lay_files
from sagesse.services.sagemaker._error import ChannelError
from sagesse.services.sagemaker._source import source_objects
from sagesse.services.sagemaker._transfer import (
    BadLocation,
    Location,
    StorageUnavailable,
    ask,
    download,
    parse_location,
    relative_name,
)


class ModelNotFetched(Exception):  # noqa: N818 - reads as the fact it states
    """The model's files cannot be had, however often one tries; the text says why."""


def fetch_model(ctx: Context, container: Mapping[str, Any], folder: Path) -> Path:
    """The model's files in a folder below `folder`, which appears whole or not at all; may be repeated.

    Args:
        ctx: acts as the model's role.

    Raises:
        ModelNotFetched: not there, not allowed, no archive, or names that this disk cannot have.
        StorageUnavailable: not now.
    """
    partial = folder / "partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _fetch_data(ctx, container, folder, partial)
        _fetch_code(ctx, container, folder, partial)
        return partial.rename(folder / "model")
    except (ServiceError, BadLocation, BadModelArchive, OSError) as error:
        raise ModelNotFetched(str(error)) from error
    except ChannelError as error:
        raise ModelNotFetched(
            str(error).removeprefix("ClientError: Data download failed:").strip()
        ) from error


def is_fetched(container: Mapping[str, Any]) -> bool:
    """Whether anything of the container lies in S3."""
    return bool(_data_uri(container) or _submitted(container))


def check_model_data(ctx: Context, container: Mapping[str, Any]) -> None:
    """Refuse a model whose data is not there, or not for its role; its code is looked at when it is fetched.

    Args:
        ctx: acts as the model's role.

    Raises:
        ServiceError: in AWS's words.
    """
    uri = _data_uri(container)
    if not uri:
        return
    try:
        with suppress(StorageUnavailable):  # the endpoint waits for it
            _look(ctx, _source(container).get("S3DataType", "S3Object"), parse_location(uri))
    except BadLocation as error:
        raise validation_error(f"Could not find model data at {uri}: {error}.") from error
    except ServiceError as error:
        raise validation_error(
            f'Could not find model data at {uri}. Please ensure that the role "{ctx.principal.role_arn}" exists and '
            'that its trust relationship policy allows the action "sts:AssumeRole" for the service principal '
            '"sagemaker.amazonaws.com". Also ensure that the role has "s3:GetObject" permissions and that the object '
            f"is located in {ctx.region}. If your Model uses uncompressed models, please ensure that the role has "
            '"s3:ListBucket" permission.'
        ) from error


def _look(ctx: Context, kind: str, place: Location) -> None:
    """See that there is an object, or one below a prefix."""
    if kind == "S3Object":
        ask(ctx, "HeadObject", {"Bucket": place.bucket, "Key": place.key})
        return
    listed = ask(ctx, "ListObjectsV2", {"Bucket": place.bucket, "Prefix": place.key, "MaxKeys": 1})
    if not listed.get("KeyCount"):
        raise ServiceError("NoSuchKey", "There is no object below the prefix.")


def _fetch_data(ctx: Context, container: Mapping[str, Any], folder: Path, target: Path) -> None:
    """What ModelDataUrl or ModelDataSource names: an archive, one object, or a prefix whose objects are the model."""
    source, uri = _source(container), _data_uri(container)
    if not uri:
        return
    place = parse_location(uri)
    if source.get("CompressionType", "Gzip") == "Gzip":
        _unpack(ctx, uri, folder / "model.tar.gz", target)
    elif source["S3DataType"] == "S3Object":
        lay_files(ctx, [(place, relative_name(place.key, place.key))], target, None)
    else:
        lay_files(ctx, source_objects(ctx, source), target, None)


def _fetch_code(ctx: Context, container: Mapping[str, Any], folder: Path, target: Path) -> None:
    """The archive in S3 that SAGEMAKER_SUBMIT_DIRECTORY names becomes the model's code, as the toolkit has it."""
    if uri := _submitted(container):
        code = target / "code"
        shutil.rmtree(code, ignore_errors=True)
        code.mkdir()
        _unpack(ctx, uri, folder / "sourcedir.tar.gz", code)


def _unpack(ctx: Context, uri: str, archive: Path, target: Path) -> None:
    download(ctx, parse_location(uri), archive)
    unpack_model(archive, target)
    archive.unlink()


def _data_uri(container: Mapping[str, Any]) -> str:
    return container.get("ModelDataUrl") or _source(container).get("S3Uri", "")


def _source(container: Mapping[str, Any]) -> Mapping[str, Any]:
    return container.get("ModelDataSource", {}).get("S3DataSource", {})


def _submitted(container: Mapping[str, Any]) -> str:
    uri: str = container.get("Environment", {}).get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    return uri if uri.startswith("s3://") else ""
