"""A trained network on disk: `model.json` says what it is, `model.safetensors` holds its weights."""

from pathlib import Path

import msgspec
from torch import Tensor

from sagesse.algorithms.base import ClientError
from sagesse.algorithms.image_classification.network import ResNet, Shape
from sagesse.algorithms.image_classification.tensor_file import read_tensors, write_tensors

FORMAT = "sagesse.image-classification/1"
CARD_FILE, WEIGHTS_FILE = "model.json", "model.safetensors"


class Card(msgspec.Struct, kw_only=True, frozen=True):
    """What the network is, how to feed it, and how well it did."""

    num_layers: int
    width: int
    num_classes: int
    image_shape: tuple[int, int, int]
    resize: int | None
    multi_label: bool
    best_epoch: int
    validation_accuracy: float
    format: str = FORMAT


def save(folder: Path, card: Card, weights: dict[str, Tensor]) -> None:
    """Write both files; a model that is there is replaced, the card last."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tensors(folder / WEIGHTS_FILE, weights)
    part = folder / (CARD_FILE + ".part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(card)))
    part.replace(folder / CARD_FILE)


def read_card(folder: Path) -> Card:
    """Read the card of a model folder.

    Raises:
        ClientError: there is none, or it is of another format.
    """
    try:
        card = msgspec.json.decode((folder / CARD_FILE).read_bytes(), type=Card)
    except (OSError, msgspec.DecodeError) as error:
        raise ClientError(f"{CARD_FILE} of the image-classification model cannot be read: {error}") from error
    if card.format != FORMAT:
        raise ClientError(f"{CARD_FILE} has format {card.format!r}, expected {FORMAT!r}.")
    return card


def load(folder: Path) -> tuple[Card, ResNet]:
    """Build the network of a model folder, ready to predict.

    Raises:
        ClientError: the folder holds no whole model.
    """
    card = read_card(folder)
    net = ResNet(Shape(card.num_layers, card.width, card.num_classes))
    try:
        weights = read_tensors(folder / WEIGHTS_FILE)
        net.load_state_dict(weights)
    except (OSError, RuntimeError) as error:
        raise ClientError(
            f"{WEIGHTS_FILE} does not fit the model that {CARD_FILE} describes: {error}"
        ) from error
    return card, net.eval()
