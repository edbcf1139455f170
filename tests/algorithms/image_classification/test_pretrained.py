import tarfile

import pytest
import torch

from sagesse.algorithms.base import Channel, ClientError
from sagesse.algorithms.image_classification import artifact
from sagesse.algorithms.image_classification.network import ResNet, Shape
from sagesse.algorithms.image_classification.params import Params
from sagesse.algorithms.image_classification.pretrained import BACKBONE, begin
from sagesse.algorithms.image_classification.tensor_file import write_tensors

NARROW = Shape(18, 4, 1000)


def _params(**given):
    return Params(
        **{"num_classes": 3, "num_training_samples": 9, "num_layers": 18, "image_shape": "3,32,32"} | given
    )


@pytest.fixture
def channel(tmp_path):
    return Channel("model", tmp_path)


def _save(folder, classes=3):
    card = artifact.Card(
        num_layers=18, width=4, num_classes=classes, image_shape=(3, 32, 32), resize=None, multi_label=False,
        best_epoch=0, validation_accuracy=0.5,
    )  # fmt: skip
    net = ResNet(Shape(18, 4, classes))
    artifact.save(folder, card, net.state_dict())
    return net


def test_the_shipped_backbone_is_small_and_fits():
    assert BACKBONE.stat().st_size < 6_000_000
    start = begin(_params(use_pretrained_model=True), None)
    assert start.pretrained
    assert start.net.fc.out_features == 3


def test_the_shipped_backbone_is_refused_for_other_depths_with_what_to_do():
    with pytest.raises(
        ClientError, match="Set num_layers=18, or give a checkpoint of torchvision's resnet50"
    ):
        begin(_params(use_pretrained_model=True, num_layers=50), None)


@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: {"state_dict": {f"module.{k}": v for k, v in s.items()}}]
)
def test_a_torchvision_checkpoint_loads_but_for_its_last_layer(channel, wrap):
    net = ResNet(NARROW)
    torch.save(wrap(net.state_dict()), channel.path / "resnet18.pth")
    start = begin(_params(), channel)
    assert torch.equal(start.net.layer4[1].conv2.weight, net.layer4[1].conv2.weight)
    assert start.net.fc.out_features == 3
    assert start.pretrained


def test_a_safetensors_checkpoint_without_batch_counts_loads(channel):
    state = {k: v for k, v in ResNet(NARROW).state_dict().items() if not k.endswith("num_batches_tracked")}
    write_tensors(channel.path / "model.safetensors", state)
    assert begin(_params(), channel).width == 4


def test_a_checkpoint_of_another_depth_is_refused(channel):
    torch.save(ResNet(Shape(34, 4)).state_dict(), channel.path / "resnet34.pth")
    with pytest.raises(ClientError, match=r"resnet34.pth does not fit num_layers=18"):
        begin(_params(), channel)


def test_a_pickle_that_runs_code_is_refused(channel):
    torch.save({"conv1.weight": print}, channel.path / "bad.pth")
    with pytest.raises(ClientError, match=r"bad.pth is not a checkpoint of tensors"):
        begin(_params(), channel)


@pytest.mark.parametrize("state", [{"a": torch.ones(1)}, [1, 2], {"conv1.weight": 3}])
def test_tensors_of_something_else_are_refused(channel, state):
    torch.save(state, channel.path / "other.pt")
    with pytest.raises(ClientError, match=r"other.pt"):
        begin(_params(), channel)


def test_training_goes_on_from_the_folder_of_an_earlier_job(channel):
    net = _save(channel.path)
    _save(channel.path / "epoch-0001")
    assert torch.equal(begin(_params(), channel).net.fc.weight, net.fc.weight)


def test_training_goes_on_from_the_archive_of_an_earlier_job(channel, tmp_path):
    net = _save(tmp_path / "made")
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for file in (tmp_path / "made").iterdir():
            tar.add(file, file.name)
            file.unlink()
    assert torch.equal(begin(_params(), channel).net.fc.weight, net.fc.weight)


def test_an_earlier_model_of_other_classes_is_refused(channel):
    _save(channel.path, classes=5)
    with pytest.raises(ClientError, match="they must be equal"):
        begin(_params(), channel)


@pytest.mark.parametrize("files", [[], ["a.pth", "b.pth"]])
def test_the_model_channel_must_hold_one_checkpoint(channel, files):
    for file in files:
        (channel.path / file).touch()
    with pytest.raises(ClientError, match=f"holds {len(files)} checkpoints"):
        begin(_params(), channel)


def test_a_broken_archive_is_refused(channel):
    (channel.path / "model.tar.gz").write_bytes(b"junk")
    with pytest.raises(ClientError, match="cannot be unpacked"):
        begin(_params(), channel)
