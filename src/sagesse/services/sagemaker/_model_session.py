"""How a model server acts as its model's role, for as long as it lives.

A session lasts an hour, a server for months: so the server's AWS clients do not get keys but a program that prints the
present ones (``credential_process`` of the AWS configuration), and ask it again before they expire. What it prints lies
in a file that is written anew in time. The server can change all that it sees, so none of that is ever read here.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from sagesse.core.call import Context
from sagesse.core.principal import Credential, Credentials
from sagesse.services.sagemaker._session import RoleError, role_session

SHOWN = "/opt/ml/credentials"
"""Where a server sees the folder of `lend`."""
VARIABLES = {"AWS_CONFIG_FILE": f"{SHOWN}/config", "AWS_SDK_LOAD_CONFIG": "1"}
"""What leads a server's AWS clients there."""
_CONFIG = """[default]
credential_process = sh -c 'cat "${AWS_CONFIG_FILE%config}session.json"'
"""
_LEFT_S = 1500.0  # clients ask again 15 minutes before the end


def lend(ctx: Context, credentials: Credentials, role_arn: str, folder: Path) -> Path:
    """Have the folder that a server sees as `SHOWN` hold a session of the role that lasts a while; may be repeated.

    Args:
        folder: the server's own; what it sees is a part of it.

    Raises:
        RoleError: there never was a session, and the role cannot be assumed. One that ends is left as it is.
        OSError: the files cannot be written.
    """
    shown, note = folder / "credentials", folder / "session"
    known = note.read_text() if note.exists() else ""
    try:
        session = role_session(ctx, credentials, role_arn, {"access_key_id": known}, needed_s=_LEFT_S)
    except RoleError:
        if not known:
            raise
        return shown
    if session.access_key_id != known:
        shown.mkdir(parents=True, exist_ok=True)
        for name, text in (("config", _CONFIG), ("session.json", _printed(session))):
            _replace(folder / "session.partial", shown / name, text)
        _replace(folder / "session.partial", note, session.access_key_id)
    return shown


def _printed(session: Credential) -> str:
    """As the AWS documentation asks of a ``credential_process``."""
    expires = datetime.fromtimestamp(session.expires or 0, UTC)
    return json.dumps(
        {
            "Version": 1,
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret,
            "SessionToken": session.session_token,
            "Expiration": expires.isoformat(),
        }
    )


def _replace(draft: Path, target: Path, text: str) -> None:
    """Write a file where a link, if the server made one, is replaced and not followed."""
    with open(draft, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(text)
    os.replace(draft, target)
