"""A request to a model and its reply, however they travelled."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

MAX_BODY_BYTES = 25 * 1024 * 1024  # InvokeEndpoint's limit since 2025; 6 MiB before

EXIT_BAD_MODEL = 3
"""The exit code of a server process whose model cannot be loaded, however often one tries."""


class Request(msgspec.Struct, array_like=True, gc=False):
    """One inference request. An empty `content_type` or `accept` was not given."""

    body: bytes
    content_type: str = ""
    accept: str = ""
    custom_attributes: str = ""
    inference_id: str = ""


class Reply(msgspec.Struct, array_like=True, gc=False):
    """The model's answer. `latency_us` is the time from reading the request to having the answer."""

    status: int
    body: bytes = b""
    content_type: str = ""
    latency_us: int = 0
    custom_attributes: str = ""


class Answerer(Protocol):
    """Answers inference requests; called from one thread, with at most `max_batch` at once."""

    max_batch: int

    def answer(self, requests: Sequence[Request]) -> Sequence[Reply]:
        """One reply for each request, in order. Never raises: what goes wrong is a reply of its request alone."""
        ...


def refusal(status: int, text: str) -> Reply:
    """A reply that says in plain text what was wrong."""
    return Reply(status, text.encode("utf-8", "replace"), "text/plain; charset=utf-8")


def said(error: BaseException) -> str:
    """An error's type and text, whatever it is: a user's class may not even have a text."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__
