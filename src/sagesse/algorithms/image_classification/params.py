"""The hyperparameters of image classification, with SageMaker's names, defaults and ranges."""

from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

LARGE_LAYERS = (18, 34, 50, 101, 152, 200)
SMALL_LAYERS = (20, 32, 44, 56, 110)
SMALL_IMAGE_PX = 40  # the three-stage networks end at a quarter of this; larger images need the large ones
FLOAT_EPSILON = 1e-8


class ImageShape(NamedTuple):
    """What the network sees, in pixels."""

    channels: int
    height: int
    width: int


class Params(msgspec.Struct, kw_only=True, frozen=True):
    """What a training job may set; `msgspec` bounds are the documented ranges."""

    num_classes: Annotated[int, Meta(ge=1, description="number of classes")]
    num_training_samples: Annotated[int, Meta(ge=1, description="images in the train list")]
    num_layers: Annotated[
        Literal[18, 20, 32, 34, 44, 50, 56, 101, 110, 152, 200], Meta(description="depth of the network")
    ] = 152
    use_pretrained_model: Annotated[bool, Meta(description="start from a trained network")] = False
    image_shape: Annotated[str, Meta(description="channels,height,width")] = "3,224,224"
    resize: Annotated[int, Meta(ge=1, description="shortest side after loading, pixels")] | None = None
    epochs: Annotated[int, Meta(ge=1, description="passes over the training images")] = 30
    mini_batch_size: Annotated[int, Meta(ge=1, description="images in one step")] = 32
    learning_rate: Annotated[float, Meta(gt=0, description="initial step size")] = 0.1
    lr_scheduler_factor: Annotated[float, Meta(gt=0, le=1, description="factor at each scheduler step")] = 0.1
    lr_scheduler_step: Annotated[str, Meta(description="epochs at which to lower the rate: 10,20")] | None = (
        None
    )
    optimizer: Annotated[Literal["sgd", "nag", "adam", "rmsprop"], Meta(description="update rule")] = "sgd"
    momentum: Annotated[float, Meta(ge=0, lt=1, description="of sgd and nag")] = 0.9
    weight_decay: Annotated[float, Meta(ge=0, lt=1, description="L2 penalty")] = 1e-4
    beta_1: Annotated[float, Meta(gt=0, lt=1, description="adam: decay of the first moment")] = 0.9
    beta_2: Annotated[float, Meta(gt=0, lt=1, description="adam: decay of the second moment")] = 0.999
    eps: Annotated[float, Meta(gt=0, le=1, description="adam, rmsprop: guard of the division")] = (
        FLOAT_EPSILON
    )
    gamma: Annotated[float, Meta(gt=0, lt=1, description="rmsprop: decay of the second moment")] = 0.9
    early_stopping: Annotated[bool, Meta(description="stop when validation no longer improves")] = False
    early_stopping_min_epochs: Annotated[int, Meta(ge=1, description="epochs before it may stop")] = 10
    early_stopping_patience: Annotated[int, Meta(ge=1, description="epochs to wait for a better one")] = 5
    early_stopping_tolerance: Annotated[float, Meta(ge=0, le=1, description="relative gain that counts")] = (
        0.0
    )
    augmentation_type: Annotated[
        Literal["none", "crop", "crop_color", "crop_color_transform"], Meta(description="random changes")
    ] = "none"
    multi_label: Annotated[bool, Meta(description="an image may have several labels")] = False
    use_weighted_loss: Annotated[bool, Meta(description="rare labels weigh more (multi-label)")] = False
    top_k: Annotated[int, Meta(ge=2, description="also report top-k accuracy")] | None = None
    checkpoint_frequency: Annotated[int, Meta(ge=1, description="epochs between checkpoints")] | None = None
    precision_dtype: Annotated[
        Literal["float32", "float16"], Meta(description="of the arithmetic; float16 is bfloat16 here")
    ] = "float32"
    kv_store: (
        Annotated[Literal["dist_sync", "dist_async"], Meta(description="one host: no effect")] | None
    ) = None


def shape_of(params: Params) -> ImageShape:
    """The image shape as numbers.

    Raises:
        ValueError: it is not three whole numbers.
    """
    return ImageShape(*(int(part) for part in params.image_shape.split(",")))


def steps_of(params: Params) -> list[int]:
    """The epochs at which the learning rate falls.

    Raises:
        ValueError: it is not a list of whole numbers.
    """
    return [int(part) for part in (params.lr_scheduler_step or "").split(",") if part.strip()]


def check(params: Params) -> list[str]:
    """What is wrong with the combination, one sentence each."""
    wrong = _check_shape(params)
    try:
        if any(step < 1 for step in steps_of(params)):
            raise ValueError
    except ValueError:
        wrong.append(f"lr_scheduler_step: {params.lr_scheduler_step!r} is not a list of epochs such as 10,20")
    if params.top_k is not None and params.top_k > params.num_classes:
        wrong.append(f"top_k: {params.top_k} is more than num_classes {params.num_classes}")
    if params.top_k is not None and params.multi_label:
        wrong.append("top_k: not defined for multi_label training")
    if params.num_classes < 2 and not params.multi_label:
        wrong.append(f"num_classes: {params.num_classes} leaves nothing to tell apart, at least 2 expected")
    if params.use_weighted_loss and not params.multi_label:
        wrong.append("use_weighted_loss: only for multi_label=1")
    if params.mini_batch_size > params.num_training_samples:
        wrong.append(
            f"mini_batch_size: {params.mini_batch_size} is more than "
            f"num_training_samples {params.num_training_samples}"
        )
    return wrong


def _check_shape(params: Params) -> list[str]:
    try:
        shape = shape_of(params)
    except (ValueError, TypeError):
        return [f"image_shape: {params.image_shape!r} is not channels,height,width such as 3,224,224"]
    wrong = list[str]()
    if shape.channels != 3:
        wrong.append(f"image_shape: {shape.channels} channels are not supported, colour images have 3")
    if not 8 <= min(shape.height, shape.width) <= max(shape.height, shape.width) <= 1024:
        wrong.append(f"image_shape: {params.image_shape}: height and width must be 8 to 1024 pixels")
    small = params.num_layers in SMALL_LAYERS
    if small and max(shape.height, shape.width) > SMALL_IMAGE_PX:
        wrong.append(
            f"num_layers: {params.num_layers} is for images up to {SMALL_IMAGE_PX} pixels, "
            f"{params.image_shape} needs one of {LARGE_LAYERS}"
        )
    if params.resize is not None and params.resize < min(shape.height, shape.width):
        wrong.append(f"resize: {params.resize} is smaller than image_shape {params.image_shape}")
    if small and params.use_pretrained_model:
        wrong.append(
            f"use_pretrained_model: num_layers must be one of {LARGE_LAYERS}, not {params.num_layers}"
        )
    return wrong
