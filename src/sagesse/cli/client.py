"""boto3 clients of a server, whatever the caller's environment says about AWS."""

from typing import Any

import boto3  # pyright: ignore[reportMissingTypeStubs]
from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]

from sagesse.cli.instance import Facts


def client(facts: Facts, service: str) -> Any:
    """A client as root, past any proxy; gives up after 10 s."""
    config = Config(
        proxies={}, connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1, "mode": "standard"}
    )
    session: Any = boto3.Session()
    return session.client(
        service,
        endpoint_url=facts.url,
        region_name=facts.region,
        aws_access_key_id=facts.access_key_id,
        aws_secret_access_key=facts.secret_access_key,
        config=config,
    )
