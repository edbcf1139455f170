# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""The content types a user's inference script need not care for: JSON, CSV and numpy's formats.

As the inference toolkit of AWS has them: a request becomes a numpy array, a prediction is written from anything
that numpy can make an array of.
"""

import io
import json
from typing import Any

from sagesse.algorithms.base import RequestError

JSON, CSV, NPY, NPZ = "application/json", "text/csv", "application/x-npy", "application/x-npz"
_TEXT = (JSON, CSV, "application/jsonlines", "application/jsonlines+json")


def base_type(content_type: str) -> str:
    """The media type without its parameters, lower-case."""
    return content_type.partition(";")[0].strip().lower()


def text_or_bytes(body: bytes, content_type: str) -> str | bytes:
    """The body as the toolkit hands it to `input_fn`: text types as str.

    Raises:
        RequestError: 400 when a text is not UTF-8.
    """
    if base_type(content_type) not in _TEXT:
        return body
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(400, f"The body is not UTF-8: {error}.") from error


def decode(body: str | bytes, content_type: str) -> Any:
    """The body as a numpy array.

    Raises:
        RequestError: 415 for another type, 400 when it cannot be read.
    """
    import numpy as np  # noqa: PLC0415 - only inference scripts need it

    kind = base_type(content_type)
    if kind not in (JSON, CSV, NPY, NPZ):
        raise RequestError(
            415, f"Content type {content_type!r} needs an input_fn; without one: {JSON}, {CSV}, {NPY}, {NPZ}."
        )
    try:
        if kind == JSON:
            return np.array(json.loads(body))
        if kind == CSV:
            return np.genfromtxt(io.StringIO(str(body)), delimiter=",")
        raw = io.BytesIO(body if isinstance(body, bytes) else body.encode())
        loaded = np.load(raw, allow_pickle=False)
        return {name: loaded[name] for name in loaded.files} if kind == NPZ else loaded
    except (ValueError, OSError, EOFError) as error:
        raise RequestError(400, f"The body is not {kind}: {error}") from error


def encode(prediction: Any, accept: str) -> tuple[bytes, str]:
    """The prediction in the first format of `accept` that can be had, and which that is.

    Raises:
        RequestError: 406 when there is none.
    """
    kinds = [JSON if kind == "*/*" else kind for kind in map(base_type, accept.split(","))]
    kind = next((kind for kind in kinds if kind in (JSON, CSV, NPY)), None)
    if kind is None:
        raise RequestError(406, f"Accept {accept!r} needs an output_fn; without one: {JSON}, {CSV}, {NPY}.")
    return _write(prediction, kind), kind if len(kinds) > 1 else accept


def _write(prediction: Any, kind: str) -> bytes:
    import numpy as np  # noqa: PLC0415

    if kind == JSON:
        return json.dumps(prediction, default=_plain).encode()
    if kind == CSV:
        text = io.StringIO()
        np.savetxt(text, np.atleast_1d(prediction), delimiter=",", fmt="%s")
        return text.getvalue().encode()
    raw = io.BytesIO()
    np.save(raw, np.asarray(prediction), allow_pickle=False)
    return raw.getvalue()


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")
