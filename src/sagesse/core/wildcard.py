"""Texts with anything between their pieces: what a pattern with ``*`` means once it is cut at them."""

from collections.abc import Sequence


def fits(text: str, pieces: Sequence[str]) -> bool:
    """Whether `text` is all of `pieces`, one at least, in order, with anything between two of them.

    Each is taken where it is found first, so no search is ever begun again.
    """
    first, *rest = pieces
    if not rest:
        return text == first
    *middle, last = rest
    at, end = len(first), len(text) - len(last)
    if end < at or not (text.startswith(first) and text.endswith(last)):
        return False
    for piece in middle:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True
