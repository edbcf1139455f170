"""Where a resource lives: account and region; and the ARNs made from it."""

import hashlib
from functools import lru_cache
from typing import NamedTuple


class Scope(NamedTuple):
    """An account in a region; `region` is empty for global services such as IAM."""

    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of `resource` ("training-job/x") of `service` in this scope."""
        return f"arn:{partition(self.region)}:{service}:{self.region}:{self.account}:{resource}"


class Arn(NamedTuple):
    """The parts of an ARN."""

    partition: str
    service: str
    region: str
    account: str
    resource: str


def parse_arn(text: str) -> Arn | None:
    """The parts of `text`, or None when it is no ARN."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        return None
    return Arn(*parts[1:])


def partition(region: str) -> str:
    """The AWS partition of a region."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


@lru_cache(maxsize=1024)
def canonical_id(account: str) -> str:
    """The id S3 knows an account by, here derived from its number."""
    return hashlib.sha256(f"canonical:{account}".encode()).hexdigest()
