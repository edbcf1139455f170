"""What a channel may ask for: each rule in words that name the channel and the member."""

from typing import Any

import pytest

from sagesse.core.error import ServiceError
from sagesse.services.sagemaker._channel import channel_feeds, channel_inputs, check_channel, check_channels
from sagesse.services.sagemaker._share import Share

FOLDER = {
    "FileSystemId": "fs-12345678",
    "FileSystemAccessMode": "ro",
    "FileSystemType": "EFS",
    "DirectoryPath": "/data",
}


def channel(source: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    data = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/key", **(source or {})}
    return {"ChannelName": "train", "DataSource": {"S3DataSource": data}, **members}


def file_system(source: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    data = {**FOLDER, **(source or {})}
    return {"ChannelName": "train", "DataSource": {"FileSystemDataSource": data}, **members}


AUGMENTED = {"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a-ref"]}


@pytest.mark.parametrize(
    ("asked", "mode", "said"),
    [
        (
            channel(CompressionType="Gzip"),
            "File",
            "CompressionType Gzip of channel 'train' is used only in Pipe",
        ),
        (channel(RecordWrapperType="RecordIO"), "FastFile", "In FastFile mode, leave this field unset"),
        (channel(AUGMENTED), "File", "can only be used if the Channel's input mode is Pipe; it is File"),
        (channel({"S3DataType": "AugmentedManifestFile"}), "Pipe", "needs AttributeNames"),
        (
            channel({"AttributeNames": ["a"]}),
            "Pipe",
            "can only be used with S3DataType AugmentedManifestFile",
        ),
        (channel({"S3DataType": "Converse"}), "File", "Sagesse does not support S3DataType Converse yet"),
        (channel({"InstanceGroupNames": ["other"]}), "File", "InstanceGroupNames ['other']"),
        (channel({"ModelAccessConfig": {"AcceptEula": True}}), "File", "S3DataSource.ModelAccessConfig"),
        (channel({"HubAccessConfig": {"HubContentArn": "arn"}}), "File", "S3DataSource.HubAccessConfig"),
        ({"ChannelName": "train", "DataSource": {}}, "File", "exactly one of"),
        (
            file_system(),
            "Pipe",
            "InputMode Pipe of channel 'train': a FileSystemDataSource can only be used in File",
        ),
        (file_system(InputMode="FastFile"), "File", "InputMode FastFile"),
        (file_system(ShuffleConfig={"Seed": 1}), "File", "ShuffleConfig of channel 'train'"),
        (file_system({"DirectoryPath": "data"}), "File", "DirectoryPath 'data'"),
    ],
)
def test_what_a_channel_cannot_have_is_refused(asked: dict[str, Any], mode: str, said: str) -> None:
    with pytest.raises(ServiceError) as refusal:
        check_channel(asked, mode, groups=["group"])
    assert refusal.value.code == "ValidationException"
    assert said in refusal.value.message


@pytest.mark.parametrize(
    ("asked", "mode"),
    [
        (channel(CompressionType="Gzip", RecordWrapperType="RecordIO", ShuffleConfig={"Seed": 1}), "Pipe"),
        (channel(InputMode="Pipe", CompressionType="Gzip"), "File"),
        (channel({"InstanceGroupNames": ["group"]}), "FastFile"),
        (channel(AUGMENTED), "Pipe"),
        (file_system(), "File"),
    ],
)
def test_what_a_channel_can_have_passes(asked: dict[str, Any], mode: str) -> None:
    check_channel(asked, mode, groups=["group"])


@pytest.mark.parametrize("name", [".", ".."])
def test_a_channel_has_the_name_of_a_folder(name: str) -> None:
    with pytest.raises(ServiceError, match="is no name of a folder"):
        check_channels([{**channel(), "ChannelName": name}], "File")


@pytest.mark.parametrize(
    ("names", "said"), [(("a", "a"), "must be unique"), (("a", "a_7"), "another channel's pipe")]
)
def test_channels_do_not_take_each_others_names(names: tuple[str, str], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        check_channels([{**channel(), "ChannelName": name} for name in names], "Pipe")


def test_the_shares_of_a_shuffled_channel_are_cut_when_it_is_sent() -> None:
    sharded = {"S3DataDistributionType": "ShardedByS3Key"}
    shuffled, plain = channel(sharded, ShuffleConfig={"Seed": 3}), channel(sharded)
    feeds = channel_feeds([shuffled, plain], mode="Pipe", share=Share(1, 2))
    assert [(feed.seed, feed.share_index, feed.share_count) for feed in feeds] == [(3, 1, 2), (None, 0, 1)]


def test_only_fast_files_are_read_only() -> None:
    names = ("File", "FastFile", "Pipe")
    channels = [{**channel(InputMode=name), "ChannelName": name} for name in names]
    inputs = channel_inputs(channels, mode="File", file_systems={})
    assert inputs.mounts == {
        "/opt/ml/input/data/File": "channels/File",
        "/opt/ml/input/data/FastFile": "channels/FastFile",
    }
    assert (inputs.private, inputs.read_only) == (
        ("/opt/ml/input/data/File",),
        ("/opt/ml/input/data/FastFile",),
    )
