"""Content types: read one, choose one that the client accepts."""

from collections.abc import Sequence

from sagesse.algorithms.base import RequestError


def media_type(header: str) -> str:
    """The bare type of a header: `text/CSV; charset=utf-8` is `text/csv`."""
    return header.partition(";")[0].strip().lower()


def require(content_type: str, accepts: Sequence[str]) -> str:
    """The media type of a request; the first one accepted when the client gave none.

    Raises:
        RequestError: 415, the type is not accepted.
    """
    kind = media_type(content_type) or accepts[0]
    if kind not in accepts:
        raise RequestError(415, f"Content type {kind!r} is not supported; send one of {', '.join(accepts)}.")
    return kind


def choose(accept: str, offered: Sequence[str]) -> str:
    """The first type in `accept` that is offered; the first one offered when anything will do.

    Raises:
        RequestError: 406, none of them is offered.
    """
    for part in accept.split(","):
        kind = media_type(part)
        if kind in {"", "*/*"}:
            return offered[0]
        if kind in offered:
            return kind
        if kind.endswith("/*") and any(one.startswith(kind[:-1]) for one in offered):
            return next(one for one in offered if one.startswith(kind[:-1]))
    raise RequestError(406, f"Accept {accept!r} cannot be met; this model answers {', '.join(offered)}.")
