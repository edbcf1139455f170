"""Regular expressions that clients send: compiled only when that takes no memory to speak of."""

import re

import regex

_LARGEST = 100_000  # characters after the repetitions are written out: some 50 ms and 30 MiB
_TOKEN = re.compile(
    r"(?P<item>\\.|\[\^?\]?(?:\\.|[^\]\\])*\])|\{(?P<times>\d+)|(?P<open>\()|(?P<close>\))|.", re.DOTALL
)


def compile_regex(text: str) -> "regex.Pattern[str]":
    """A regex of a client's.

    ``a{1000000000}`` is a few characters that the compiler writes out: it would take all memory there is.

    Raises:
        ValueError: it is malformed, or larger than 100,000 when its repetitions are written out.
    """
    if _size(text) > _LARGEST:
        raise ValueError(f"its repetitions stand for more than {_LARGEST} characters")
    try:
        return regex.compile(text)
    except regex.error as error:
        raise ValueError(str(error)) from error
    except (RecursionError, OverflowError):
        raise ValueError("it is nested too deeply") from None


def _size(text: str) -> int:
    """About how long `text` is with ``{n}`` written out; groups multiply what is in them."""
    sizes = [0]
    last = 0
    for token in _TOKEN.finditer(text):
        if token["times"]:
            repeated = last * max(min(int(token["times"][:9]), _LARGEST + 1), 1)
            sizes[-1] += repeated - last
            last = repeated
        elif token["open"]:
            sizes.append(0)
        elif token["close"] and len(sizes) > 1:
            last = sizes.pop() + 1
            sizes[-1] += last
        else:
            last = 1
            sizes[-1] += 1
    return sum(sizes)
