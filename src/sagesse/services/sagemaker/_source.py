"""The objects that an S3 source names."""

from collections.abc import Mapping, Sequence
from typing import Any

from sagesse.core.call import Context
from sagesse.services.sagemaker._error import ChannelError
from sagesse.services.sagemaker._manifest import BadManifest, read_manifest
from sagesse.services.sagemaker._transfer import (
    Location,
    list_keys,
    parse_location,
    read_object,
    relative_name,
)


def source_objects(ctx: Context, source: Mapping[str, Any]) -> Sequence[tuple[Location, str]]:
    """The objects of an S3Prefix or a ManifestFile in order, and the name of each in a folder.

    Raises:
        ChannelError: there are none, or the manifest is none.
        ServiceError: what S3 answered.
        BadLocation: `S3Uri` is none.
    """
    place = parse_location(source["S3Uri"])
    if source["S3DataType"] == "ManifestFile":
        try:
            objects = read_manifest(read_object(ctx, place))
        except BadManifest as error:
            raise bad_manifest(source["S3Uri"], error) from error
    else:
        objects = [
            (Location(place.bucket, key), relative_name(key, place.key)) for key in list_keys(ctx, place)
        ]
    if not objects:
        raise nothing_there(ctx, source["S3Uri"])
    return objects


def nothing_found(ctx: Context, uri: str, role_arn: str) -> str:
    """What AWS says of a source without data."""
    bucket = uri.removeprefix("s3://").partition("/")[0]
    return (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists in '
        f"the selected region ({ctx.region}), that objects exist under that S3 prefix, and that the role "
        f'"{role_arn}" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )


def nothing_there(ctx: Context, uri: str) -> ChannelError:
    """The failure of a source without data."""
    role_arn = ctx.principal.role_arn or ctx.principal.arn
    return ChannelError(f"ClientError: Data download failed:{nothing_found(ctx, uri, role_arn)}")


def bad_manifest(uri: str, error: BadManifest) -> ChannelError:
    """The failure of a source whose manifest is none."""
    return ChannelError(f"ClientError: Data download failed: {uri} is no manifest: {error}")
