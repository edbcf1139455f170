"""A server with two accounts: its own, and the one that unknown access keys belong to."""

import json
import uuid
from pathlib import Path
from typing import Any

from botocore import UNSIGNED
from botocore.config import Config

from sagesse.testing.server import Server

OWN, OTHER = "111122223333", "123456789012"


def two_accounts(folder: Path) -> Server:
    """A server whose own account is `OWN`."""
    (folder / "settings.json").write_text(json.dumps({"account": OWN}))
    return Server(folder)


def other_client(server: Server) -> Any:
    """S3 as root of `OTHER`."""
    return server.client("s3", aws_access_key_id="AKIDOTHER", aws_secret_access_key="x")


def anonymous_client(server: Server) -> Any:
    """S3 without a signature."""
    config = Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}, retries={"max_attempts": 0})
    return server.client("s3", config=config)


def open_bucket(s3: Any) -> str:
    """A new bucket that may be made public."""
    name = f"test-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    s3.delete_public_access_block(Bucket=name)
    return name
