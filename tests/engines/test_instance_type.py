"""The table of instance types."""

import pytest

from sagesse.core.model import service_model
from sagesse.engines.instance_type import InstanceType, UnknownInstanceType, instance_type, is_accelerated

ENUMS = (
    "TrainingInstanceType",
    "ProcessingInstanceType",
    "TransformInstanceType",
    "ProductionVariantInstanceType",
)


@pytest.mark.parametrize("enum", ENUMS)
def test_every_type_of_the_model_is_known(enum: str) -> None:
    for name in service_model("sagemaker").shapes[enum]["enum"]:
        assert instance_type(name).vcpus > 0


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ml.m5.large", InstanceType(2, 8)),
        ("ml.m5.24xlarge", InstanceType(96, 384)),
        ("ml.c5.xlarge", InstanceType(4, 8)),
        ("ml.r5.2xlarge", InstanceType(8, 64)),
        ("ml.t3.medium", InstanceType(2, 4)),
        ("ml.p3.8xlarge", InstanceType(32, 244, 4)),
        ("ml.g5.12xlarge", InstanceType(48, 192, 4)),
    ],
)
def test_a_type_has_what_aws_says(name: str, kind: InstanceType) -> None:
    assert instance_type(name) == kind


@pytest.mark.parametrize(
    "name", ["", "m5.large", "ml.m99.large", "ml.m5.0xlarge", "ml.g5.3xlarge", "ml.m5.huge"]
)
def test_another_name_is_refused_with_what_is_known(name: str) -> None:
    with pytest.raises(UnknownInstanceType, match=r"known families: .*m5"):
        instance_type(name)


def test_accelerated_types_are_told_from_the_others() -> None:
    assert all(is_accelerated(name) for name in ("ml.p3.2xlarge", "ml.g5.xlarge", "ml.trn1.2xlarge"))
    assert not any(is_accelerated(name) for name in ("ml.t3.medium", "ml.m5.large", "ml.r5.large"))
