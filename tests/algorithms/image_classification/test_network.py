import pytest
import torch

from sagesse.algorithms.image_classification.network import NUM_LAYERS, ResNet, Shape


# Parameter counts that torchvision documents for its weights of these networks.
@pytest.mark.parametrize(
    ("layers", "count"),
    [(18, 11_689_512), (34, 21_797_672), (50, 25_557_032), (101, 44_549_160), (152, 60_192_808)],
)
def test_large_networks_have_as_many_parameters_as_torchvisions(layers, count):
    with torch.device("meta"):
        net = ResNet(Shape(layers))
    assert sum(p.numel() for p in net.parameters()) == count


def test_weights_are_named_as_torchvision_names_them():
    with torch.device("meta"):
        names = set(ResNet(Shape(50)).state_dict())
    assert len(names) == 320
    assert {
        "conv1.weight", "bn1.running_var", "layer1.0.downsample.0.weight", "layer1.0.downsample.1.bias",
        "layer3.5.conv3.weight", "layer4.2.bn3.num_batches_tracked", "fc.bias",
    } <= names  # fmt: skip


@pytest.mark.parametrize("layers", NUM_LAYERS)
def test_every_depth_answers_one_score_for_each_class(layers):
    with torch.device("meta"):
        net = ResNet(Shape(layers, 16, 7))
        assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


@pytest.mark.parametrize("layers", [20, 32, 44, 56, 110])
def test_small_networks_have_the_depth_of_their_name(layers):
    with torch.device("meta"):
        net = ResNet(Shape(layers, 64, 10))
    convolutions = [
        n for n, m in net.named_modules() if isinstance(m, torch.nn.Conv2d) and "downsample" not in n
    ]
    assert len(convolutions) + 1 == layers
