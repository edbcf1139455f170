"""What training starts from: random weights, the shipped backbone, or the `model` channel.

The channel may hold a model of an earlier job (its folder, or `model.tar.gz`) for incremental training, or
a checkpoint of torchvision's networks (`.pth`, `.pt`, `.safetensors`).
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# A checkpoint is an untyped dictionary; each tensor is checked before it is used.

import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from sagesse.algorithms.base import Channel, ClientError
from sagesse.algorithms.image_classification import artifact
from sagesse.algorithms.image_classification.network import ResNet, Shape
from sagesse.algorithms.image_classification.params import Params, shape_of
from sagesse.algorithms.image_classification.tensor_file import read_pickled, read_tensors
from sagesse.runtime.archive import unpack

BACKBONE = Path(__file__).parent / "weights" / "resnet18-w32.safetensors"
BACKBONE_LAYERS, BACKBONE_WIDTH = 18, 32
_CHECKPOINTS = {".pth", ".pt", ".safetensors"}


class Start(NamedTuple):
    """A network and whether its body has been trained before."""

    net: ResNet
    width: int
    pretrained: bool
    origin: str


def begin(params: Params, model: Channel | None) -> Start:
    """Build the network that training starts from; random weights come from torch's generator.

    Raises:
        ClientError: there are no weights for this network, or they do not fit.
    """
    if model is not None:
        return _from_channel(params, model.path)
    if params.use_pretrained_model:
        return _from_backbone(params)
    return Start(ResNet(Shape(params.num_layers, 64, params.num_classes)), 64, False, "random weights")


def _from_backbone(params: Params) -> Start:
    if params.num_layers != BACKBONE_LAYERS:
        raise ClientError(
            f"use_pretrained_model=1 with num_layers={params.num_layers}: the backbone that comes with this software "
            f"has {BACKBONE_LAYERS} layers. Set num_layers={BACKBONE_LAYERS}, or give a checkpoint of torchvision's "
            f"resnet{params.num_layers} (.pth or .safetensors) in the channel 'model'."
        )
    return _fit(params, read_tensors(BACKBONE), "the shipped backbone")


def _from_channel(params: Params, folder: Path) -> Start:
    # The shallowest card is the best epoch's; those of checkpoint_frequency lie in folders beside it.
    cards = sorted(folder.rglob(artifact.CARD_FILE), key=lambda file: len(file.parts))
    if cards:
        return _continue(params, cards[0].parent)
    archives = sorted(folder.rglob("*.tar.gz"))
    if archives:
        with tempfile.TemporaryDirectory() as unpacked:
            _unpack(archives[0], Path(unpacked))
            return _from_channel(params, Path(unpacked))
    files = sorted(p for p in folder.rglob("*") if p.suffix in _CHECKPOINTS)
    if len(files) != 1:
        raise ClientError(
            f"The channel 'model' must hold a model of image-classification (model.tar.gz) or one checkpoint "
            f"({', '.join(sorted(_CHECKPOINTS))}); it holds {len(files)} checkpoints."
        )
    return _fit(params, _read_checkpoint(files[0]), files[0].name)


def _unpack(archive: Path, target: Path) -> None:
    try:
        unpack(archive, target)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ClientError(f"{archive.name} in the channel 'model' cannot be unpacked: {error}") from error


def _continue(params: Params, folder: Path) -> Start:
    card, net = artifact.load(folder)
    wanted = (params.num_layers, tuple(shape_of(params)), params.num_classes)
    found = (card.num_layers, tuple(card.image_shape), card.num_classes)
    if wanted != found:
        raise ClientError(
            "The model in the channel 'model' was trained with num_layers, image_shape, num_classes = "
            f"{found}, this job asks for {wanted}; they must be equal."
        )
    return Start(net, card.width, True, "the model of an earlier job")


def _read_checkpoint(file: Path) -> dict[str, Tensor]:
    if file.suffix == ".safetensors":
        return read_tensors(file)
    state = read_pickled(file)
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ClientError(f"{file.name} holds no state dict of tensors.")
    return {str(name).removeprefix("module."): value for name, value in state.items()}


def _fit(params: Params, weights: dict[str, Tensor], origin: str) -> Start:
    """Load the body; the last layer always starts anew, as SageMaker's transfer learning does."""
    first = weights.get("conv1.weight")
    if first is None or first.ndim != 4:
        raise ClientError(
            f"{origin} has no conv1.weight: not a checkpoint of a torchvision residual network."
        )
    width = len(first)
    net = ResNet(Shape(params.num_layers, width, params.num_classes))
    body = {name: value.float() for name, value in weights.items() if not name.startswith("fc.")}
    try:
        missing, unexpected = net.load_state_dict(body, strict=False)
    except RuntimeError as error:
        raise ClientError(f"{origin} does not fit num_layers={params.num_layers}: {error}") from error
    lost = [
        name for name in missing if not name.startswith("fc.") and not name.endswith("num_batches_tracked")
    ]
    if lost or unexpected:
        raise ClientError(
            f"{origin} does not fit num_layers={params.num_layers}: {len(lost)} weights are missing and "
            f"{len(unexpected)} have no place (for instance {(lost + list(unexpected))[0]})."
        )
    return Start(net, width, True, origin)
