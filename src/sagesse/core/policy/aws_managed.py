"""The AWS managed policies that people attach by name, in compact documents of our own.

They grant what the originals are for on the services Sagesse has; they do not copy the originals' every line.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

_PREFIX = "arn:aws:iam::aws:policy"
_FILE = Path(__file__).with_name("aws_managed.json")


class ManagedPolicy(NamedTuple):
    """A managed policy of AWS: its default version is ``v1`` and never changes."""

    arn: str
    name: str
    path: str
    description: str
    document: str


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    statement: list[msgspec.Raw]
    description: str
    path: str = "/"


@cache
def managed_policies() -> Mapping[str, ManagedPolicy]:
    """Every one, by ARN."""
    return {policy.arn: policy for policy in _read()}


def _read() -> Iterator[ManagedPolicy]:
    entries = msgspec.json.decode(_FILE.read_bytes(), type=dict[str, _Entry])
    for name, entry in entries.items():
        document = msgspec.json.encode({"Version": "2012-10-17", "Statement": entry.statement}).decode()
        yield ManagedPolicy(f"{_PREFIX}{entry.path}{name}", name, entry.path, entry.description, document)
