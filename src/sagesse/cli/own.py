"""The server's own endpoints, asked past any proxy."""

import json
import urllib.error
import urllib.request
from typing import Any

from sagesse.cli.failure import CommandFailed, Exit
from sagesse.cli.instance import Facts

_ANSWER_S = 5.0


def ask(facts: Facts, what: str, body: bytes | None = None) -> dict[str, Any]:
    """The answer to ``GET /_sagesse/<what>``, or to a POST of `body`, as the administrator.

    Raises:
        CommandFailed: the server does not answer, or refuses.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"Authorization": f"Bearer {facts.secret_access_key}"}
    request = urllib.request.Request(f"{facts.url}/_sagesse/{what}", body, headers)
    try:
        with opener.open(request, timeout=_ANSWER_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            raise CommandFailed(_message(refusal.read()), code=Exit.USAGE) from refusal
    except (OSError, ValueError) as error:
        raise CommandFailed(
            f"the server with process id {facts.pid} does not answer at {facts.url}: {error}",
            fix="Look into run/server.log of its data directory; `sagesse down` ends it.",
        ) from error


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")
