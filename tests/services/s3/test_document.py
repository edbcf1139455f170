import base64
import hashlib
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.services.s3._document import check_document


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def refusal(
    body: bytes, *, has_checksum: bool = True, trailers: dict[str, str] | None = None, **headers: str
) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(ServiceError) as caught:
        check_document(body, named, trailers or {}, has_checksum=has_checksum)
    return caught.value.code


@given(st.binary(max_size=100))
def test_the_right_digests_are_taken(body: bytes) -> None:
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    headers = {"content-md5": md5, "x-amz-checksum-crc32": crc32(body)}
    check_document(body, headers, {"x-amz-checksum-crc32": crc32(body)}, has_checksum=True)


def test_wrong_ones_are_refused() -> None:
    assert refusal(b"x", content_md5=base64.b64encode(bytes(16)).decode()) == "BadDigest"
    assert refusal(b"x", x_amz_checksum_crc32=crc32(b"y")) == "BadDigest"
    assert refusal(b"x", trailers={"x-amz-checksum-crc32": crc32(b"y")}) == "BadDigest"


def test_what_is_no_digest_is_refused() -> None:
    assert refusal(b"x", content_md5="x") == "InvalidDigest"
    assert refusal(b"x", x_amz_checksum_sha1="x") == "InvalidRequest"
    assert refusal(b"x", x_amz_checksum_crc32=crc32(b"x"), x_amz_checksum_md5="x") == "InvalidRequest"


def test_a_checksum_that_speaks_of_something_else_is_left_alone() -> None:
    check_document(b"x", {"x-amz-checksum-crc32": crc32(b"y")}, {}, has_checksum=False)


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_header_is_answered(md5: str, checksum: str) -> None:
    with suppress(ServiceError):
        check_document(b"x", {"content-md5": md5, "x-amz-checksum-sha256": checksum}, {}, has_checksum=True)
