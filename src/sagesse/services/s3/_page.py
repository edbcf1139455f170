"""What every listing of S3 takes: the size of a page, where it begins, how names are written."""

import re
from collections.abc import Callable
from urllib.parse import quote_plus

from sagesse.core.service import Params
from sagesse.services.s3._error import invalid_argument

MAX_KEYS = 1000
_MAX_INT = 2**31 - 1
_PLAIN = re.compile(r"[\w.~/*-]*", re.ASCII)  # goes as it is


def page_limit(req: Params, member: str) -> int:
    """How many entries a page may have: at most 1000.

    Raises:
        ServiceError: InvalidArgument for a negative number.
    """
    asked = int(req.get(member, MAX_KEYS))
    if not 0 <= asked <= _MAX_INT:
        name = f"{member[0].lower()}{member[1:]}"
        raise invalid_argument(f"Argument {name} must be an integer between 0 and {_MAX_INT}", name, asked)
    return min(asked, MAX_KEYS)


def encoder(req: Params) -> Callable[[str], str]:
    """How names are written in the response: percent-encoded when the client asks for ``url``.

    Raises:
        ServiceError: another encoding was asked for.
    """
    encoding = req.get("EncodingType")
    if encoding is None:
        return str
    if encoding != "url":
        raise invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", encoding)
    return _percent_encoded


def _percent_encoded(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else quote_plus(name, safe="/*")
