import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.engines.objects.base import Attributes, ObjectInfo, PartEntry
from sagesse.services.s3._range import Slice, requested_slice, source_slice


def info(size: int, *parts: int) -> ObjectInfo:
    made = [PartEntry(number=at, size_bytes=part, etag="", modified=0.0) for at, part in enumerate(parts, 1)]
    return ObjectInfo(
        key="k",
        version="null",
        size_bytes=size,
        etag="e",
        modified=0.0,
        checksum=None,
        bucket="b",
        attributes=Attributes(),
        parts=tuple(made),
    )


@pytest.mark.parametrize(
    ("header", "offset", "size"),
    [("bytes=0-0", 0, 1), ("bytes=3-", 3, 7), ("bytes=-4", 6, 4), ("bytes=-99", 0, 10), ("bytes=8-99", 8, 2)],
)
def test_a_range_names_a_slice(header: str, offset: int, size: int) -> None:
    assert requested_slice({"Range": header}, info(10)) == Slice(offset, size, is_partial=True)


@pytest.mark.parametrize(
    "header", ["bytes=5-2", "bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1,3-4", "bytes=٣-"]
)
def test_a_range_that_is_none_means_everything(header: str) -> None:
    assert requested_slice({"Range": header}, info(10)) == Slice(0, 10, is_partial=False)


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-1", 0)]
)
def test_an_empty_range_is_refused(header: str, size: int) -> None:
    with pytest.raises(ServiceError, match="InvalidRange"):
        requested_slice({"Range": header}, info(size))


def test_a_part_is_a_slice() -> None:
    assert requested_slice({"PartNumber": 2}, info(10, 6, 4)) == Slice(6, 4, is_partial=True)
    assert requested_slice({"PartNumber": 1}, info(10)) == Slice(0, 10, is_partial=True)
    assert requested_slice({"PartNumber": 1}, info(0)) == Slice(0, 0, is_partial=False)


def test_a_part_that_is_not_there_is_refused() -> None:
    with pytest.raises(ServiceError, match="InvalidPartNumber"):
        requested_slice({"PartNumber": 3}, info(10, 6, 4))
    for number in (0, 10_001):
        with pytest.raises(ServiceError, match="InvalidArgument"):
            requested_slice({"PartNumber": number}, info(10, 6, 4))


@given(
    header=st.text(max_size=30) | st.from_regex(r"bytes=\d*-\d*", fullmatch=True), size=st.integers(0, 100)
)
def test_any_range_is_within_the_object_or_refused(header: str, size: int) -> None:
    for read in (
        lambda: requested_slice({"Range": header}, info(size)),
        lambda: source_slice(header, info(size)),
    ):
        try:
            piece = read()
        except ServiceError as error:
            assert error.code in {"InvalidRange", "InvalidArgument"}  # noqa: PT017 - both outcomes are right
        else:
            assert 0 <= piece.offset <= piece.offset + piece.size_bytes <= size
