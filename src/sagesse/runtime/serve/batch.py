"""Answering several requests with one predict, each as if it had come alone."""

import time
import traceback
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from sagesse.algorithms.base import Model, RequestError
from sagesse.runtime.serve.message import Reply, Request, refusal, said

_ANYTHING = ("", "*/*")


class _Decoded(NamedTuple):
    place: int
    request: Request
    content: object


class BatchAnswerer:
    """Answers through a model's decode, predict and encode.

    Requests whose decoded contents have the same shape but for the first axis share one predict; when that fails,
    each is predicted alone, so that a bad one fails by itself.
    """

    max_batch = 256

    def __init__(self, model: Model, *, default_accept: str = "") -> None:
        self._model = model
        self._default_accept = default_accept

    def answer(self, requests: Sequence[Request]) -> Sequence[Reply]:
        """One reply for each request, in order."""
        started = time.perf_counter_ns()
        replies: list[Reply | None] = [None] * len(requests)
        groups: dict[object, list[_Decoded]] = {}
        for place, request in enumerate(requests):
            try:
                content = self._model.decode(request.body, request.content_type or self._model.accepts[0])
                groups.setdefault(_shape(content), []).append(_Decoded(place, request, content))
            except Exception as error:
                replies[place] = _stamp(failure_reply(error), started)
        for group in groups.values():
            for item, reply in zip(group, self._answer_group(group), strict=True):
                replies[item.place] = _stamp(reply, started)
        return [reply for reply in replies if reply is not None]

    def _answer_group(self, group: list[_Decoded]) -> Iterable[Reply]:
        try:
            results = self._model.predict([item.content for item in group])
            if len(results) != len(group):
                raise RuntimeError(f"predict answered {len(results)} results for {len(group)} requests")
        except Exception as error:
            if len(group) == 1:
                return [failure_reply(error)]
            return [reply for item in group for reply in self._answer_group([item])]
        return [self._encode(result, item.request) for item, result in zip(group, results, strict=True)]

    def _encode(self, result: object, request: Request) -> Reply:
        try:
            accepts = _accepts(request.accept, self._default_accept)
            for accept in accepts[:-1]:
                try:
                    return Reply(200, *self._model.encode(result, accept))
                except RequestError as error:
                    if error.status != 406:
                        raise
            return Reply(200, *self._model.encode(result, accepts[-1]))
        except Exception as error:
            return failure_reply(error)


def failure_reply(error: Exception) -> Reply:
    """What a client is told about `error`; an unexpected one is written to the log with its trace."""
    if isinstance(error, RequestError):
        return Reply(204) if error.status == 204 else refusal(error.status, error.message)
    traceback.print_exception(error)
    return refusal(500, said(error))


def _accepts(header: str, default: str) -> list[str]:
    """The media types of an Accept header in its order, "" for "anything you like"."""
    if "," not in header:
        return [default if header in _ANYTHING else header]
    names = (part.partition(";q=")[0].strip() for part in header.split(","))
    return [default if name in _ANYTHING else name for name in names]


def _shape(content: object) -> object:
    """What must be equal for two decoded contents to share a predict."""
    shape: object = getattr(content, "shape", None)
    return (type(content), shape[1:]) if isinstance(shape, tuple) else type(content)  # pyright: ignore[reportUnknownVariableType]


def _stamp(reply: Reply, started_ns: int) -> Reply:
    return msgspec.structs.replace(reply, latency_us=(time.perf_counter_ns() - started_ns) // 1000)
