"""What a built-in algorithm is: a job goes in, a model folder comes out, a model answers requests.

The seam between the algorithms and what runs them: `runtime.train` calls `Algorithm.train`, the model
server calls `Algorithm.load` and then `decode`, `predict`, `encode` of the `Model`. Nothing here knows of
HTTP, S3 or the platform.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import msgspec

Goal = Literal["Maximize", "Minimize"]


class Channel(NamedTuple):
    """One input channel of a training job, already on disk."""

    name: str
    path: Path
    content_type: str | None = None
    mode: str = "File"


def print_line(line: str) -> None:
    """Write one log line to stdout at once, so that the platform sees it while the job runs."""
    print(line, flush=True)  # noqa: T201 - stdout is the log of a job


def never_stop() -> bool:
    """Answer that nobody asked the job to stop."""
    return False


class Job(msgspec.Struct, kw_only=True, frozen=True):
    """One training run: what to learn from, where to write, how many threads it may use.

    `should_stop` is asked once per round or batch; when it turns true the algorithm saves what it has and
    returns normally. `checkpoint_dir` holds what an earlier, interrupted run of this job left; training
    goes on from there.
    """

    hyperparameters: dict[str, str]
    channels: dict[str, Channel]
    model_dir: Path
    output_dir: Path
    checkpoint_dir: Path | None = None
    num_threads: int = 1
    seed: int = 0
    report: Callable[[str], None] = print_line
    should_stop: Callable[[], bool] = never_stop


class Metric(NamedTuple):
    """A number that the algorithm prints; group 1 of `regex` on a log line is its value.

    The regexes are written for the log as CloudWatch shows it, with each tab as `#011`.
    """

    name: str
    regex: str
    goal: Goal | None = None
    unit: str = "None"


class ClientError(Exception):
    """The user's hyperparameters or data are wrong; the text says what, the value, and what is allowed."""


class RequestError(Exception):
    """An inference request that the model refuses.

    Status 204 (empty body, nothing to predict) is an answer and not a fault; the others are 4xx.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Model(Protocol):
    """A loaded model. Its methods are called from one thread.

    A server may decode many requests, predict them in one call and encode each answer: `predict` returns
    one result for each decoded request, in order, and no request changes the answer of another.
    """

    accepts: tuple[str, ...]  # content types of requests, the first is the default

    def decode(self, body: bytes, content_type: str) -> object:
        """Read one request.

        Raises:
            RequestError: 204 empty body, 400 unreadable, 415 unknown content type.
        """
        ...

    def predict(self, batch: Sequence[object]) -> Sequence[object]:
        """Predict several decoded requests at once."""
        ...

    def encode(self, result: object, accept: str) -> tuple[bytes, str]:
        """Write one result; returns the body and its content type. `accept` "" or "*/*" means the default.

        Raises:
            RequestError: 406 when the type in `accept` cannot be written.
        """
        ...


class Algorithm(Protocol):
    """A built-in algorithm; one stateless object."""

    name: str
    metrics: tuple[Metric, ...]

    def train(self, job: Job) -> None:
        """Learn from the channels and write the model to `job.model_dir`.

        Raises:
            ClientError: the hyperparameters or the data are wrong.
        """
        ...

    def load(self, model_dir: Path) -> Model:
        """Read what `train` wrote.

        Raises:
            ClientError: the folder holds no model of this algorithm.
        """
        ...
