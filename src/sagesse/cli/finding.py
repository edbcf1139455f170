"""What a check of `sagesse doctor` says."""

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """What a check found; `fix` is empty when there is nothing to do."""

    name: str
    state: Literal["ok", "warn", "broken"]
    text: str
    fix: str = ""
