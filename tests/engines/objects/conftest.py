"""Another S3, for the stores that keep their payloads in one: a Sagesse server."""

from collections.abc import Iterator

import pytest

from sagesse.engines.objects.remote import RemotePlace
from sagesse.testing.server import Server


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemotePlace]:
    """A bucket there; each test uses names of its own."""
    with Server(tmp_path_factory.mktemp("other")) as server:
        server.client("s3").create_bucket(Bucket="payloads")
        yield RemotePlace(url=server.url, bucket="payloads", access_key_id="any", secret_access_key="any")
