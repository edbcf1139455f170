"""What the other S3 fails to do, in the words our own clients understand."""

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from sagesse.engines.objects._remote_bucket import _translated
from sagesse.engines.objects.error import RemoteFailed


def refused(code: str, status: int) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EndpointConnectionError(endpoint_url="http://o:1"), "ServiceUnavailable"),
        (ConnectionClosedError(endpoint_url="http://o:1"), "ServiceUnavailable"),
        (ReadTimeoutError(endpoint_url="http://o:1"), "ServiceUnavailable"),
        (NoCredentialsError(), "ServiceUnavailable"),
        (refused("AccessDenied", 403), "ServiceUnavailable"),
        (refused("InternalError", 500), "ServiceUnavailable"),
        (refused("SlowDown", 503), "SlowDown"),
    ],
)
def test_every_failure_there_is_a_503_here_that_tells_nothing(error: Exception, code: str) -> None:
    with pytest.raises(RemoteFailed) as caught, _translated("put_object"):
        raise error
    assert (caught.value.code, caught.value.status) == (code, 503)
    assert "o:1" not in caught.value.message
    assert caught.value.reason == str(error)
