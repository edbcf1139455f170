"""What a Host header says: whether it is AWS, which service and region it names, which bucket it carries."""

import re
from functools import lru_cache
from typing import NamedTuple

# Everything under these is answered here or refused, never passed on.
AWS_DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "api.aws", "app.aws", "on.aws")

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_S3_LABEL = re.compile(r"s3(-accelerate|-fips|(-website)?(-[a-z]{2}(-[a-z]+)+-\d)?)?")
_WEBSITE = "s3-website"
_MAX_NAME = 260
_LOCAL = ("localhost", "localhost.localdomain")
_BUCKET = re.compile(r"[a-z0-9A-Z._-]{3,255}")
_TELEMETRY = re.compile(r"sm-pysdk-t-[a-z0-9-]+\.s3[.-].*")


class Host(NamedTuple):
    """A host name taken apart; `endpoint` is what stands before region and domain (``api.sagemaker``)."""

    name: str
    is_aws: bool = False
    endpoint: str = ""
    region: str = ""
    bucket: str = ""
    is_website: bool = False

    @property
    def is_telemetry(self) -> bool:
        """Whether the SageMaker SDK counts its users here."""
        return self.is_aws and _TELEMETRY.fullmatch(self.name) is not None


def without_port(authority: str) -> str:
    """The host of `host:port`, lower-case; IPv6 brackets stay."""
    host = authority.strip().lower()
    if host.endswith("]"):
        return host
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def parse_host(authority: str) -> Host:
    """Take a Host header apart; a name that says nothing gives a bare `Host`."""
    return _parse(authority) if len(authority) <= _MAX_NAME else Host(authority[:_MAX_NAME])


@lru_cache(maxsize=512)
def _parse(authority: str) -> Host:
    name = without_port(authority)
    domain = next((end for end in AWS_DOMAINS if name == end or name.endswith("." + end)), None)
    if domain is None:
        return _local(name)
    labels = name.removesuffix(domain).rstrip(".").split(".")
    region = next((label for label in reversed(labels) if _REGION.fullmatch(label)), "")
    at = _s3_at(labels)
    if at is not None:
        label = labels[at]
        inner = _REGION.search(label)
        bucket, place = ".".join(labels[:at]), region or (inner[0] if inner else "")
        return Host(name, True, "s3", place, bucket, label.startswith(_WEBSITE))
    endpoint = ".".join(label for label in labels if label not in {region, "dualstack"})
    return Host(name, True, endpoint, region)


def is_aws_host(name: str) -> bool:
    """Whether `name` belongs to AWS."""
    return parse_host(name).is_aws


def _s3_at(labels: list[str]) -> int | None:
    """Index of the label that says S3; the last one, because a bucket may be called `s3` too."""
    matches = [index for index, label in enumerate(labels) if _S3_LABEL.fullmatch(label)]
    return matches[-1] if matches else None


def _local(name: str) -> Host:
    """`bucket.localhost` and `bucket.s3.localhost`, which clients use against an endpoint of that name."""
    base = next((base for base in _LOCAL if name.endswith("." + base)), None)
    if base is None:
        return Host(name)
    labels = name.removesuffix("." + base).split(".")
    at = _s3_at(labels)
    if at is None:
        bucket = ".".join(labels)
        return Host(name, bucket=bucket if _BUCKET.fullmatch(bucket) else "")
    is_website = labels[at].startswith(_WEBSITE)
    return Host(name, endpoint="s3", bucket=".".join(labels[:at]), is_website=is_website)
