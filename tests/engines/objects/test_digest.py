import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagesse.core.error import ServiceError
from sagesse.engines.objects.base import ALGORITHMS, Algorithm, Expectation, PartEntry
from sagesse.engines.objects.digest import SIZES, Digest, combine, trailing, verify, wanted

# The check value of each CRC is that of the nine bytes "123456789", as the CRC catalogues list it.
CHECK_VALUES: dict[Algorithm, str] = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
}


@pytest.mark.parametrize("algorithm", CHECK_VALUES)
def test_crcs_have_their_check_values(algorithm: Algorithm) -> None:
    digest = Digest([algorithm])
    digest.update([b"12345"])
    digest.update([b"6789"])
    assert base64.b64decode(digest.checksums[algorithm]).hex() == CHECK_VALUES[algorithm]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_has_its_size(algorithm: Algorithm) -> None:
    assert len(base64.b64decode(Digest([algorithm]).checksums[algorithm])) == SIZES[algorithm]


@given(pieces=st.lists(st.binary(max_size=50), min_size=1), algorithm=st.sampled_from(sorted(CHECK_VALUES)))
def test_parts_combine_to_the_checksum_of_the_whole(pieces: list[bytes], algorithm: Algorithm) -> None:
    def digest(data: bytes) -> Digest:
        made = Digest([algorithm])
        made.update([data])
        return made

    parts = [
        PartEntry(
            number=number, size_bytes=len(piece), etag="", modified=0.0, checksums=digest(piece).checksums
        )
        for number, piece in enumerate(pieces)
    ]
    assert combine(algorithm, parts).value == digest(b"".join(pieces)).checksums[algorithm]


@given(value=st.text(max_size=20))
def test_a_malformed_digest_is_refused_before_the_payload_is_read(value: str) -> None:
    with pytest.raises(ServiceError, match="InvalidDigest"):
        wanted(Expectation(content_md5=value))
    with pytest.raises(ServiceError, match="InvalidRequest"):
        wanted(Expectation(checksum=("SHA256", value)))


def test_a_trailer_is_found_whatever_it_is() -> None:
    assert trailing({"x-amz-checksum-crc32": " AAAAAA== ", "x-other": "1"}) == ("CRC32", "AAAAAA==")
    assert trailing({"x-amz-trailer-signature": "1"}) is None


def test_the_right_digests_pass() -> None:
    digest = Digest(["CRC32"])
    digest.update([b"123456789"])
    md5 = base64.b64encode(hashlib.md5(b"123456789").digest()).decode()
    verify(Expectation(content_md5=md5, checksum=("CRC32", "y/Q5Jg==")), digest, ("CRC32", "y/Q5Jg=="))
