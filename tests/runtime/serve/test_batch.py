"""One predict for many requests, each answered as if alone."""

from collections.abc import Sequence

import numpy as np
import pytest

from sagesse.algorithms.base import RequestError
from sagesse.runtime.serve.batch import BatchAnswerer
from sagesse.runtime.serve.message import Request
from sagesse.testing.serving_model import EchoModel


def _bodies(*texts: bytes) -> list[tuple[int, bytes]]:
    answerer = BatchAnswerer(EchoModel())
    return [(reply.status, reply.body) for reply in answerer.answer([Request(text) for text in texts])]


def test_requests_share_one_predict() -> None:
    assert _bodies(b"a", b"b", b"c") == [(200, b"3:a"), (200, b"3:b"), (200, b"3:c")]


def test_a_request_that_cannot_be_decoded_fails_alone() -> None:
    assert _bodies(b"a", b"bad", b"c") == [(200, b"2:a"), (400, b"Cannot decode 'bad'."), (200, b"2:c")]


def test_a_request_that_breaks_the_predict_fails_alone() -> None:
    assert _bodies(b"a", b"poison", b"c") == [(200, b"1:a"), (500, b"ValueError: poison"), (200, b"1:c")]


def test_an_empty_body_is_answered_204() -> None:
    assert _bodies(b"") == [(204, b"")]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (Request(b"a", content_type="image/png"), 415),
        (Request(b"a", accept="image/png"), 406),
        (Request(b"a", accept="image/png, text/plain;q=0.5"), 200),
        (Request(b"a", accept="*/*"), 200),
    ],
)
def test_media_types_are_negotiated(request_: Request, status: int) -> None:
    (reply,) = BatchAnswerer(EchoModel()).answer([request_])

    assert reply.status == status


def test_the_default_accept_stands_for_anything() -> None:
    (reply,) = BatchAnswerer(EchoModel(), default_accept="image/png").answer([Request(b"a")])

    assert reply.status == 406


def test_latency_is_stamped() -> None:
    class Slow(EchoModel):
        def predict(self, batch: Sequence[object]) -> Sequence[object]:
            sum(range(200_000))
            return super().predict(batch)

    (reply,) = BatchAnswerer(Slow()).answer([Request(b"a")])

    assert reply.latency_us > 100


class _Rows:
    """Adds up the rows of all requests at once; arrays of different widths do not fit together."""

    accepts = ("text/csv",)

    def decode(self, body: bytes, content_type: str) -> object:
        return np.array([[float(cell) for cell in line.split(",")] for line in body.decode().split()])

    def predict(self, batch: Sequence[object]) -> Sequence[object]:
        rows = np.concatenate([np.asarray(item) for item in batch])
        if rows.shape[1] != 2:
            raise RequestError(400, f"2 features are wanted; got {rows.shape[1]}.")
        return [np.asarray(item).sum(axis=1).tolist() for item in batch]

    def encode(self, result: object, accept: str) -> tuple[bytes, str]:
        return str(result).encode(), "text/plain"


def test_only_requests_of_one_shape_share_a_predict() -> None:
    replies = BatchAnswerer(_Rows()).answer([Request(b"1,2"), Request(b"1,2,3"), Request(b"1,2\n3,4")])

    assert [(reply.status, reply.body) for reply in replies] == [
        (200, b"[3.0]"),
        (400, b"2 features are wanted; got 3."),
        (200, b"[3.0, 7.0]"),
    ]


def test_a_model_that_loses_a_result_is_an_error() -> None:
    class Lossy(EchoModel):
        def predict(self, batch: Sequence[object]) -> Sequence[object]:
            return []

    (reply,) = BatchAnswerer(Lossy()).answer([Request(b"a")])

    assert reply.status == 500
