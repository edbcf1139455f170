"""How the process that fills a run's pipes reads S3: a file in the run's folder, kept fresh while the job runs."""

import os
from pathlib import Path

import msgspec

from sagesse.core.principal import Credential
from sagesse.runtime.feed import ACCESS
from sagesse.runtime.object_reader import Access


def keep_access(folder: Path, region: str, session: Credential, endpoint_url: str) -> None:
    """Write the file if it says something else; it is the old or the new one whole."""
    access = Access(
        endpoint_url=endpoint_url,
        region=region,
        access_key_id=session.access_key_id,
        secret=session.secret,
        session_token=session.session_token or "",
    )
    content, path = msgspec.json.encode(access), folder / ACCESS
    if path.exists() and path.read_bytes() == content:
        return
    draft = path.with_name(f"{ACCESS}.partial")
    draft.write_bytes(content)
    draft.chmod(0o600)
    os.replace(draft, path)
