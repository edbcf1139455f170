"""The instance types of SageMaker: virtual CPUs, memory and GPUs.

Every type that the service models name is here. Figures of AWS's public tables; of the newest families (g7, p6)
estimates. An accelerator that is no GPU (Trainium, Inferentia, Gaudi) counts as none.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

_SIZE = re.compile(r"ml\.([a-z0-9-]+)\.(?:(medium|large|xlarge)|([1-9][0-9]?)xlarge)")
_NAMED_SIZES = {"medium": 1, "large": 2, "xlarge": 4}
_VCPUS_PER_XLARGE = 4


class InstanceType(NamedTuple):
    """What a machine of a type has."""

    vcpus: int
    memory_gib: float
    gpus: int = 0


# Families whose sizes are multiples of one another: GiB of memory for each vCPU.
_GIB_PER_VCPU: Mapping[str, float] = {
    **dict.fromkeys(("c5", "c5d", "c6g", "c6gd", "c6gn", "c6i", "c6in", "c7g", "c7i", "c7i-flex"), 2),
    **dict.fromkeys(("c8g", "c8i", "c8i-flex"), 2),
    **dict.fromkeys(
        ("m4", "m5", "m5d", "m6g", "m6gd", "m6i", "m7i", "m7i-flex", "m8g", "m8i", "m8i-flex"), 4
    ),
    **dict.fromkeys(("r5", "r5d", "r6g", "r6gd", "r6i", "r7gd", "r7i", "r8g", "r8i", "r8i-flex"), 8),
    **dict.fromkeys(("t2", "t3"), 4),
    "c4": 1.875,
    "c5n": 2.625,
}

# The others, and the exceptions.
_EXACT: Mapping[str, InstanceType] = {
    "ml.c4.8xlarge": InstanceType(36, 60),
    "ml.t2.medium": InstanceType(2, 4),
    "ml.t3.medium": InstanceType(2, 4),
    "ml.p2.xlarge": InstanceType(4, 61, 1),
    "ml.p2.8xlarge": InstanceType(32, 488, 8),
    "ml.p2.16xlarge": InstanceType(64, 732, 16),
    "ml.p3.2xlarge": InstanceType(8, 61, 1),
    "ml.p3.8xlarge": InstanceType(32, 244, 4),
    "ml.p3.16xlarge": InstanceType(64, 488, 8),
    "ml.p3dn.24xlarge": InstanceType(96, 768, 8),
    "ml.p4d.24xlarge": InstanceType(96, 1152, 8),
    "ml.p4de.24xlarge": InstanceType(96, 1152, 8),
    "ml.p5.4xlarge": InstanceType(16, 256, 1),
    "ml.p5.48xlarge": InstanceType(192, 2048, 8),
    "ml.p5e.48xlarge": InstanceType(192, 2048, 8),
    "ml.p5en.48xlarge": InstanceType(192, 2048, 8),
    "ml.p6-b200.48xlarge": InstanceType(192, 2048, 8),
    "ml.p6-b300.48xlarge": InstanceType(192, 4096, 8),
    "ml.p6e-gb200.36xlarge": InstanceType(144, 960, 4),
    "ml.g4dn.xlarge": InstanceType(4, 16, 1),
    "ml.g4dn.2xlarge": InstanceType(8, 32, 1),
    "ml.g4dn.4xlarge": InstanceType(16, 64, 1),
    "ml.g4dn.8xlarge": InstanceType(32, 128, 1),
    "ml.g4dn.12xlarge": InstanceType(48, 192, 4),
    "ml.g4dn.16xlarge": InstanceType(64, 256, 1),
    **{
        f"ml.{family}.{size}": InstanceType(vcpus, vcpus * gib, gpus)
        for family, gib in (("g5", 4), ("g6", 4), ("g6e", 8))
        for size, vcpus, gpus in (
            ("xlarge", 4, 1),
            ("2xlarge", 8, 1),
            ("4xlarge", 16, 1),
            ("8xlarge", 32, 1),
            ("12xlarge", 48, 4),
            ("16xlarge", 64, 1),
            ("24xlarge", 96, 4),
            ("48xlarge", 192, 8),
        )
    },
    **{
        f"ml.{family}.{size}": InstanceType(vcpus, vcpus * gib, gpus)
        for family, gib in (("g7", 4), ("g7e", 8))
        for size, vcpus, gpus in (
            ("2xlarge", 8, 1),
            ("4xlarge", 16, 1),
            ("8xlarge", 32, 1),
            ("12xlarge", 48, 2),
            ("24xlarge", 96, 4),
            ("48xlarge", 192, 8),
        )
    },
    "ml.trn1.2xlarge": InstanceType(8, 32),
    "ml.trn1.32xlarge": InstanceType(128, 512),
    "ml.trn1n.32xlarge": InstanceType(128, 512),
    "ml.trn2.48xlarge": InstanceType(192, 2048),
    "ml.inf1.xlarge": InstanceType(4, 8),
    "ml.inf1.2xlarge": InstanceType(8, 16),
    "ml.inf1.6xlarge": InstanceType(24, 48),
    "ml.inf1.24xlarge": InstanceType(96, 192),
    "ml.inf2.xlarge": InstanceType(4, 16),
    "ml.inf2.8xlarge": InstanceType(32, 128),
    "ml.inf2.24xlarge": InstanceType(96, 384),
    "ml.inf2.48xlarge": InstanceType(192, 768),
    "ml.dl1.24xlarge": InstanceType(96, 768),
}
_ACCELERATED = re.compile(r"ml\.(?:p|g|trn|inf|dl)[0-9]")


class UnknownInstanceType(ValueError):  # noqa: N818 - reads as the fact it states
    """There is no such type; the text says which families there are."""


def instance_type(name: str) -> InstanceType:
    """What a machine of that type has.

    Raises:
        UnknownInstanceType: the name is none of SageMaker's.
    """
    if name in _EXACT:
        return _EXACT[name]
    found = _SIZE.fullmatch(name)
    gib = _GIB_PER_VCPU.get(found[1]) if found else None
    if found is None or gib is None:
        families = sorted({*_GIB_PER_VCPU, *(exact.split(".")[1] for exact in _EXACT)})
        raise UnknownInstanceType(f"unknown instance type {name!r}; known families: {', '.join(families)}")
    vcpus = _NAMED_SIZES[found[2]] if found[2] else _VCPUS_PER_XLARGE * int(found[3])
    return InstanceType(vcpus, vcpus * gib)


def is_accelerated(name: str) -> bool:
    """Whether machines of that type have accelerators (GPUs, Trainium, ...) on AWS."""
    return _ACCELERATED.match(name) is not None
