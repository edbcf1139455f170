"""The input channels of a training job: what they may ask for, and what the job sees of them."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sagesse.core.error import validation_error
from sagesse.engines.jobs.base import Feed
from sagesse.services.sagemaker._error import refuse_unsupported
from sagesse.services.sagemaker._file_system import file_system_folder
from sagesse.services.sagemaker._share import ALL, Share

FOLDER = "channels"
"""Of a run: a folder for each channel."""
FEED_LIST = "feed.jsonl"
"""In the folder of a Pipe channel: what is sent."""
_DATA = "/opt/ml/input/data"

_UNSUPPORTED = {
    "DataSource.DatasetSource": "hub datasets are not built yet; use S3DataSource",
    "DataSource.S3DataSource.ModelAccessConfig": "model hubs are not built yet",
    "DataSource.S3DataSource.HubAccessConfig": "model hubs are not built yet",
}
_DATA_TYPES = ("S3Prefix", "ManifestFile", "AugmentedManifestFile")


class Inputs(NamedTuple):
    """The folders a job sees as its inputs; see `runtime.plan.Plan` for the members."""

    mounts: Mapping[str, str] = {}
    private: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()


def mode_of(channel: Mapping[str, Any], input_mode: str) -> str:
    """A channel's own InputMode, or the job's."""
    return channel.get("InputMode") or input_mode


def seed_of(channel: Mapping[str, Any]) -> int | None:
    """The seed that shuffles the channel; None: it keeps its order."""
    return channel["ShuffleConfig"]["Seed"] if channel.get("ShuffleConfig") else None


def share_of(channel: Mapping[str, Any], share: Share) -> Share:
    """What a host gets of the channel: its share when the channel is split over hosts, else everything."""
    is_sharded = channel["DataSource"]["S3DataSource"].get("S3DataDistributionType") == "ShardedByS3Key"
    return share if is_sharded else ALL


def is_file_system(channel: Mapping[str, Any]) -> bool:
    """Whether the channel is a folder of a file system, so that nothing is fetched."""
    return bool(channel["DataSource"].get("FileSystemDataSource"))


def channel_inputs(
    channels: Sequence[Mapping[str, Any]], *, mode: str, file_systems: Mapping[str, str]
) -> Inputs:
    """The folders that the job sees as its channels.

    Args:
        mode: the job's TrainingInputMode.
        file_systems: the setting: folder by file system id.

    Raises:
        ChannelError: a file system is not known.
    """
    mounts: dict[str, str] = {}
    private: list[str] = []
    read_only: list[str] = []
    for channel in channels:
        name: str = channel["ChannelName"]
        path, kind = f"{_DATA}/{name}", mode_of(channel, mode)
        if is_file_system(channel):
            source = channel["DataSource"]["FileSystemDataSource"]
            mounts[path] = str(file_system_folder(file_systems, source))
            read_only += [path] if source["FileSystemAccessMode"] == "ro" else []
        elif kind != "Pipe":
            mounts[path] = f"{FOLDER}/{name}"
            (read_only if kind == "FastFile" else private).append(path)
    return Inputs(mounts, tuple(private), tuple(read_only))


def channel_feeds(channels: Sequence[Mapping[str, Any]], *, mode: str, share: Share) -> tuple[Feed, ...]:
    """The pipes of the channels in Pipe mode.

    Args:
        mode: the job's TrainingInputMode.
        share: the host's.
    """
    return tuple(_feed(channel, share) for channel in channels if mode_of(channel, mode) == "Pipe")


def _feed(channel: Mapping[str, Any], share: Share) -> Feed:
    name, seed = channel["ChannelName"], seed_of(channel)
    part = share_of(channel, share) if seed is not None else ALL  # else the list is the share
    return Feed(
        path=str(Path("ml/input/data") / name),
        entries=f"{FOLDER}/{name}/{FEED_LIST}",
        decompresses=channel.get("CompressionType") == "Gzip",
        wraps=channel.get("RecordWrapperType") == "RecordIO",
        seed=seed,
        share_index=part.index,
        share_count=part.count,
    )


def check_channels(
    channels: Sequence[Mapping[str, Any]], input_mode: str, *, groups: Collection[str] = ()
) -> None:
    """Refuse what a job's channels cannot have; see `check_channel`."""
    names = [channel["ChannelName"] for channel in channels]
    if len(set(names)) < len(names):
        raise validation_error(f"InputDataConfig: ChannelName must be unique; got {names}.")
    for channel in channels:
        check_channel(channel, input_mode, groups=groups)
    for feed in channel_feeds(channels, mode=input_mode, share=ALL):
        pipe = re.compile(rf"{re.escape(Path(feed.path).name)}_\d+")
        if taken := [name for name in names if pipe.fullmatch(name)]:
            raise validation_error(
                f"InputDataConfig: ChannelName {taken[0]!r} is the name of another channel's pipe."
            )


def check_channel(channel: Mapping[str, Any], input_mode: str, *, groups: Collection[str] = ()) -> None:
    """Refuse what a channel cannot have.

    Args:
        input_mode: the job's TrainingInputMode.
        groups: the names of the job's instance groups.

    Raises:
        ServiceError: names the channel and the member.
    """
    refuse_unsupported(channel, _UNSUPPORTED)
    if channel["ChannelName"] in {".", ".."}:
        raise validation_error(
            f"InputDataConfig: ChannelName {channel['ChannelName']!r} is no name of a folder."
        )
    where, mode, sources = (
        f"channel {channel['ChannelName']!r}",
        mode_of(channel, input_mode),
        channel["DataSource"],
    )
    given = [name for name in ("S3DataSource", "FileSystemDataSource") if sources.get(name)]
    if len(given) != 1:
        raise validation_error(
            f"InputDataConfig: {where} must have exactly one of DataSource.S3DataSource and "
            f"DataSource.FileSystemDataSource; got {given}."
        )
    if mode != "Pipe":
        _refuse_pipe_members(channel, where, mode)
    if is_file_system(channel):
        _check_file_system(channel, where, mode)
    else:
        _check_s3(sources["S3DataSource"], where, mode, groups)


def _refuse_pipe_members(channel: Mapping[str, Any], where: str, mode: str) -> None:
    for member in ("CompressionType", "RecordWrapperType"):
        value = channel.get(member, "None")
        if value != "None":
            raise validation_error(
                f"{member} {value} of {where} is used only in Pipe input mode. In {mode} mode, leave this field "
                "unset or set it to None."
            )


def _check_file_system(channel: Mapping[str, Any], where: str, mode: str) -> None:
    if mode != "File":
        raise validation_error(
            f"InputMode {mode} of {where}: a FileSystemDataSource can only be used in File mode."
        )
    if channel.get("ShuffleConfig"):
        raise validation_error(f"ShuffleConfig of {where}: a FileSystemDataSource has no objects to shuffle.")
    path: str = channel["DataSource"]["FileSystemDataSource"]["DirectoryPath"]
    if not path.startswith("/"):
        raise validation_error(
            f"DirectoryPath {path!r} of {where} must be a full path; it begins with a slash."
        )


def _check_s3(source: Mapping[str, Any], where: str, mode: str, groups: Collection[str]) -> None:
    kind, names = source["S3DataType"], source.get("AttributeNames", [])
    if kind not in _DATA_TYPES:
        raise validation_error(
            f"Sagesse does not support S3DataType {kind} yet ({where}); allowed: {', '.join(_DATA_TYPES)}."
        )
    if kind == "AugmentedManifestFile" and mode != "Pipe":
        raise validation_error(
            f"S3DataType AugmentedManifestFile of {where} can only be used if the Channel's input mode is Pipe; "
            f"it is {mode}."
        )
    if kind == "AugmentedManifestFile" and not names:
        raise validation_error(f"S3DataType AugmentedManifestFile of {where} needs AttributeNames.")
    if kind != "AugmentedManifestFile" and names:
        raise validation_error(
            f"AttributeNames of {where} can only be used with S3DataType AugmentedManifestFile; it is {kind}."
        )
    if unknown := [name for name in source.get("InstanceGroupNames", []) if name not in groups]:
        raise validation_error(
            f"InstanceGroupNames {unknown} of {where} are not in ResourceConfig.InstanceGroups; allowed: "
            f"{sorted(groups)}."
        )
