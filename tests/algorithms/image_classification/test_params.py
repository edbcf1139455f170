import pytest

from sagesse.algorithms.base import ClientError
from sagesse.algorithms.image_classification.params import Params, check
from sagesse.algorithms.parameter import parse

REQUIRED = {"num_classes": "2", "num_training_samples": "640"}


def test_defaults_are_those_that_sagemaker_documents():
    params = parse(Params, REQUIRED, check=check)
    assert (params.num_layers, params.image_shape, params.epochs, params.mini_batch_size) == (
        152,
        "3,224,224",
        30,
        32,
    )
    assert (params.learning_rate, params.optimizer, params.momentum, params.weight_decay) == (
        0.1,
        "sgd",
        0.9,
        1e-4,
    )
    assert (params.early_stopping_min_epochs, params.early_stopping_patience, params.gamma) == (10, 5, 0.9)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"num_classes": "0"}, "num_classes: '0'"),
        ({"num_classes": "1"}, "num_classes: 1 leaves nothing to tell apart"),
        ({"num_layers": "19"}, "num_layers: '19' is not allowed"),
        ({"image_shape": "224"}, "image_shape: '224' is not channels,height,width"),
        ({"image_shape": "3,a,b"}, "image_shape: '3,a,b'"),
        ({"image_shape": "1,64,64"}, "image_shape: 1 channels are not supported"),
        ({"image_shape": "3,4,64"}, "must be 8 to 1024 pixels"),
        ({"image_shape": "3,64,64", "num_layers": "20"}, "num_layers: 20 is for images up to 40 pixels"),
        (
            {"image_shape": "3,32,32", "num_layers": "20", "use_pretrained_model": "1"},
            "use_pretrained_model:",
        ),
        ({"resize": "100"}, "resize: 100 is smaller than image_shape"),
        ({"lr_scheduler_step": "10;20"}, "lr_scheduler_step: '10;20'"),
        ({"lr_scheduler_step": "0"}, "lr_scheduler_step: '0'"),
        ({"top_k": "3"}, "top_k: 3 is more than num_classes 2"),
        ({"top_k": "2", "multi_label": "1"}, "top_k: not defined for multi_label"),
        ({"use_weighted_loss": "1"}, "use_weighted_loss: only for multi_label=1"),
        ({"mini_batch_size": "700"}, "mini_batch_size: 700 is more than"),
        ({"optimizer": "sdg"}, "optimizer: 'sdg' is not allowed, expected one of adam, nag, rmsprop, sgd"),
        ({"momentum": "1"}, "momentum: '1'"),
        ({"augmentation_type": "flip"}, "expected one of crop, crop_color, crop_color_transform, none"),
        ({"checkpoint_frequency": "0"}, "checkpoint_frequency: '0'"),
        ({"precision_dtype": "float64"}, "expected one of float16, float32"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(given, message):
    with pytest.raises(ClientError) as caught:
        parse(Params, REQUIRED | given, check=check)
    assert message in str(caught.value)
