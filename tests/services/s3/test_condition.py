import pytest

from sagesse.core.error import ServiceError
from sagesse.engines.objects.base import ObjectEntry
from sagesse.services.s3._condition import check_read, write_condition

ENTRY = ObjectEntry(key="k", version="null", size_bytes=1, etag="abc", modified=1000.0, checksum=None)
BEFORE, SAME, AFTER = 999.0, 1000.0, 1001.0


@pytest.mark.parametrize(
    "req",
    [
        {},
        {"IfMatch": '"abc"'},
        {"IfMatch": "abc"},
        {"IfMatch": "*"},
        {"IfMatch": '"x", "abc"'},
        {"IfMatch": '"abc"', "IfUnmodifiedSince": BEFORE},
        {"IfUnmodifiedSince": SAME},
        {"IfNoneMatch": '"x"'},
        {"IfNoneMatch": '"x"', "IfModifiedSince": AFTER},
        {"IfModifiedSince": BEFORE},
    ],
)
def test_conditions_that_hold(req: dict[str, object]) -> None:
    check_read(req, ENTRY)


@pytest.mark.parametrize(
    ("req", "status"),
    [
        ({"IfMatch": '"x"'}, 412),
        ({"IfUnmodifiedSince": BEFORE}, 412),
        ({"IfMatch": '"x"', "IfNoneMatch": '"abc"'}, 412),
        ({"IfNoneMatch": '"abc"'}, 304),
        ({"IfNoneMatch": "*"}, 304),
        ({"IfNoneMatch": 'W/"abc"'}, 304),
        ({"IfModifiedSince": SAME}, 304),
        ({"IfMatch": '"abc"', "IfModifiedSince": AFTER}, 304),
    ],
)
def test_conditions_that_do_not_hold(req: dict[str, object], status: int) -> None:
    with pytest.raises(ServiceError) as caught:
        check_read(req, ENTRY)
    assert caught.value.status == status


def test_a_write_knows_only_the_star() -> None:
    with pytest.raises(ServiceError, match="NotImplemented"):
        write_condition({"IfNoneMatch": '"abc"'})
