"""What the server and its driver say to each other: lines of JSON."""

from typing import Literal

import msgspec


class Request(msgspec.Struct, frozen=True):
    """To the driver; it answers with the same id."""

    id: int
    do: Literal["ensure", "stop", "discard"]
    run_id: str


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The driver has joined the cluster, or why it cannot."""

    error: str = ""


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """A request was done, unless there is an error."""

    id: int
    error: str = ""


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """A run is over, and its folder says how."""

    run_id: str
