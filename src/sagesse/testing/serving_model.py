"""A model for tests of serving: it echoes, counts, fails and dies as its requests say."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from sagesse.algorithms.base import RequestError


class EchoModel:
    """Answers each request with its own body and the size of the batch it was predicted in.

    Requests: ``text`` is echoed as ``<batch size>:text``; ``bad`` cannot be decoded (400); ``poison`` makes the
    whole predict fail; ``die`` kills the process before anything is answered; ``hang`` never ends; ``slow...``
    takes a twentieth of a second a batch.
    """

    accepts = ("text/plain",)

    def decode(self, body: bytes, content_type: str) -> object:
        """The body as text."""
        if content_type not in self.accepts:
            raise RequestError(415, f"Content type {content_type!r} is not supported; allowed: text/plain.")
        if not body:
            raise RequestError(204, "")
        if body == b"bad":
            raise RequestError(400, "Cannot decode 'bad'.")
        return body.decode()

    def predict(self, batch: Sequence[object]) -> Sequence[object]:
        """The texts with the size of the batch."""
        if "die" in batch:
            os.kill(os.getpid(), signal.SIGKILL)
        while "hang" in batch:
            time.sleep(60)
        if any(str(text).startswith("slow") for text in batch):
            time.sleep(0.05)
        if "poison" in batch:
            raise ValueError("poison")
        return [f"{len(batch)}:{text}" for text in batch]

    def encode(self, result: object, accept: str) -> tuple[bytes, str]:
        """The text as bytes."""
        if accept not in ("", "*/*", "text/plain"):
            raise RequestError(406, f"Accept {accept!r} is not supported; allowed: text/plain.")
        return str(result).encode(), "text/plain"


def load(model_dir: Path) -> EchoModel:
    """A model; a folder with a file ``broken`` is refused as a loader would, by an exception."""
    if (model_dir / "broken").exists():
        raise ValueError("this model is broken")
    return EchoModel()
