"""Checksums between the members of requests and responses and the store's words."""

from collections.abc import Mapping
from typing import Any

from sagesse.core.service import Params
from sagesse.engines.objects.base import ALGORITHMS, Algorithm, Checksum, Expectation
from sagesse.engines.objects.error import invalid_request
from sagesse.services.s3._error import not_implemented

_OTHERS = frozenset({"ChecksumXXHASH64", "ChecksumXXHASH3", "ChecksumXXHASH128"})
_MEMBERS: Mapping[str, Algorithm] = {f"Checksum{name}": name for name in ALGORITHMS}


def expectation(req: Params) -> Expectation:
    """What the client says of its payload.

    Raises:
        ServiceError: several checksums, or one that does not fit the algorithm announced.
    """
    given = checksums(req)
    algorithm = algorithm_of(req)
    if len(given) > 1:
        raise invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    checksum = next(iter(given.items()), None)
    if checksum is not None and algorithm not in {None, checksum[0]}:
        raise invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    return Expectation(content_md5=req.get("ContentMD5"), checksum=checksum, algorithm=algorithm)


def checksums(members: Mapping[str, Any]) -> dict[Algorithm, str]:
    """The checksums among `members`, by algorithm."""
    if not _OTHERS.isdisjoint(members):
        raise next(not_implemented(name, members[name]) for name in members if name in _OTHERS)
    return {_MEMBERS[name]: str(value) for name, value in members.items() if name in _MEMBERS}


def algorithm_of(req: Params) -> Algorithm | None:
    """The algorithm a request chooses.

    Raises:
        ServiceError: it is none, or one that is not supported.
    """
    text = req.get("ChecksumAlgorithm")
    if text is None:
        return None
    for algorithm in ALGORITHMS:
        if algorithm == str(text).upper():
            return algorithm
    raise not_implemented("ChecksumAlgorithm", text)


def checksum_members(checksum: Checksum | None) -> dict[str, str]:
    """A checksum as members of a response."""
    if checksum is None:
        return {}
    return {f"Checksum{checksum.algorithm}": checksum.value, "ChecksumType": checksum.kind}


def part_checksum_members(values: Mapping[Algorithm, str]) -> dict[str, str]:
    """A part's checksums as members of a response."""
    return {f"Checksum{name}": value for name, value in values.items()}
