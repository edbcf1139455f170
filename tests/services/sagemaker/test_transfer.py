"""Objects to files: what S3 cannot do now is told apart from what it refuses."""

import io
from collections.abc import AsyncIterator

import pytest

from sagesse.core.body import Stream
from sagesse.core.error import ServiceError
from sagesse.services.sagemaker._transfer import StorageUnavailable, write_payload


def breaks(error: ServiceError) -> Stream:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"some"
        raise error

    return Stream(chunks(), 10)


def test_a_stream_that_breaks_off_may_be_asked_again() -> None:
    with pytest.raises(StorageUnavailable):
        write_payload(
            breaks(ServiceError("ServiceUnavailable", "Please try again.", status=503)), io.BytesIO()
        )


def test_a_refusal_in_the_middle_stays_one() -> None:
    with pytest.raises(ServiceError, match="No"):
        write_payload(breaks(ServiceError("AccessDenied", "No.", status=403)), io.BytesIO())
