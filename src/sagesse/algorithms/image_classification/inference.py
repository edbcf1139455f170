"""Answer images with class probabilities."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# torch and some methods of numpy's generator are typed only partly.

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import orjson
import torch

from sagesse.algorithms.base import RequestError
from sagesse.algorithms.content import choose, require
from sagesse.algorithms.image_classification import artifact
from sagesse.algorithms.image_classification.augment import normalise, stack
from sagesse.algorithms.image_classification.listing import IMAGE_TYPES
from sagesse.algorithms.image_classification.params import ImageShape
from sagesse.algorithms.image_classification.photo import Framing, Pixels, UnreadableImageError, frame

_JSON, _LINES = "application/json", "application/jsonlines"


class ImageModel:
    """A trained network; a request is one encoded image, its answer `num_classes` probabilities."""

    accepts: tuple[str, ...] = IMAGE_TYPES

    def __init__(self, model_dir: Path) -> None:
        self._card, self._net = artifact.load(model_dir)
        self._framing = Framing(ImageShape(*self._card.image_shape), self._card.resize)

    def decode(self, body: bytes, content_type: str) -> Pixels:
        """Read one image to (height, width, 3) bytes of the network's size."""
        require(content_type, self.accepts)
        if not body:
            raise RequestError(400, "The request has no body; send one JPEG or PNG image.")
        try:
            return frame(body, self._framing)
        except UnreadableImageError as error:
            raise RequestError(400, f"The body is not a readable image: {error}") from error

    def predict(self, batch: Sequence[object]) -> Sequence[list[float]]:
        """The probabilities of each image, rounded to float32."""
        if not batch:
            return []
        x = normalise(stack(cast("Sequence[Pixels]", batch), self._framing.shape))
        with torch.inference_mode():
            scores = self._net(x)
            chances = torch.sigmoid(scores) if self._card.multi_label else torch.softmax(scores, 1)
        return cast("list[list[float]]", chances.numpy().astype(np.float64).tolist())

    def encode(self, result: object, accept: str) -> tuple[bytes, str]:
        """A JSON array, or `{"prediction": [...]}` for application/jsonlines."""
        kind = choose(accept, (_JSON, _LINES))
        return orjson.dumps({"prediction": result} if kind == _LINES else result), kind
