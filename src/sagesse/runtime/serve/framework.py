# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""What a framework's image does where the user's script leaves a step to it.

As the inference toolkits of AWS have it: PyTorch's scripts are given tensors, XGBoost's a DMatrix, Hugging Face's what
the JSON says, all others numpy arrays.
"""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from sagesse.algorithms.base import ClientError, RequestError
from sagesse.runtime.serve.codec import CSV, JSON, base_type, decode, encode


class Steps(NamedTuple):
    """The default of each function; `load` is None where the user must define ``model_fn``."""

    load: Callable[[str], Any] | None
    read: Callable[[Any, str], Any]
    predict: Callable[[Any, Any], Any]
    write: Callable[[Any, str], Any]


def steps_of(framework: str) -> Steps:
    """The defaults of the image that a recipe of this name stands for."""
    return _STEPS.get(framework, _PLAIN)


def _predict(content: Any, model: Any) -> Any:
    """The model's own ``predict``; a callable model is called."""
    return model.predict(content) if hasattr(model, "predict") else model(content)


def _load_torch(model_dir: str) -> Any:
    import torch  # noqa: PLC0415 - only where a script needs it

    files = sorted(path for path in Path(model_dir).iterdir() if path.suffix in {".pt", ".pth"})
    if len(files) != 1:
        names = ", ".join(path.name for path in files) or "none"
        raise ClientError(
            f"Without a model_fn the model needs exactly one .pt or .pth file; it has: {names}."
        )
    try:
        return torch.jit.load(str(files[0]), map_location=_device())
    except RuntimeError as error:
        raise ClientError(
            f"{files[0].name} is no TorchScript file, which is what a model without a model_fn is: {error}"
        ) from error


def _read_tensor(body: Any, content_type: str) -> Any:
    import torch  # noqa: PLC0415

    array = decode(body, content_type)
    if isinstance(array, dict):
        raise RequestError(415, f"Content type {content_type!r} needs an input_fn.")
    try:
        is_text = base_type(content_type) in {JSON, CSV}
        tensor = torch.FloatTensor(array) if is_text else torch.from_numpy(array)
    except (TypeError, ValueError) as error:
        raise RequestError(400, f"The body is no tensor: {error}") from error
    return tensor.to(_device())


def _predict_torch(content: Any, model: Any) -> Any:
    import torch  # noqa: PLC0415

    if isinstance(model, torch.nn.Module):
        model.to(_device()).eval()
    with torch.no_grad():
        return model(content)


def _write_tensor(prediction: Any, accept: str) -> Any:
    is_tensor = hasattr(prediction, "detach")
    return encode(prediction.detach().cpu().numpy() if is_tensor else prediction, accept)


def _device() -> str:
    import torch  # noqa: PLC0415

    return "cuda" if torch.cuda.is_available() else "cpu"


def _read_rows(body: Any, content_type: str) -> Any:
    import xgboost  # noqa: PLC0415

    from sagesse.algorithms.xgboost.rows import (  # noqa: PLC0415
        LIBSVM,
        UnreadableRowsError,
        parse_csv,
        parse_libsvm,
    )

    kind = base_type(content_type)
    if kind not in (CSV, *LIBSVM):
        raise RequestError(
            415, f"Content type {content_type!r} needs an input_fn; without one: {', '.join((CSV, *LIBSVM))}."
        )
    try:
        text = body if isinstance(body, str) else body.decode("utf-8")
        table = parse_csv(text) if kind == CSV else parse_libsvm(text).features
    except (UnicodeDecodeError, UnreadableRowsError) as error:
        raise RequestError(400, f"The body is not readable as {kind}: {error}") from error
    if not len(table):
        raise RequestError(204, "")
    return xgboost.DMatrix(table, nthread=1)


def _predict_rows(content: Any, model: Any) -> Any:
    return model.predict(content, validate_features=False)


def _read_inputs(body: Any, content_type: str) -> Any:
    """Hugging Face's form: ``{"inputs": ..., "parameters": ...}``; text stands for its inputs."""
    kind = base_type(content_type)
    try:
        if kind == JSON:
            return json.loads(body)
        if kind == "text/plain":
            return {"inputs": body.decode("utf-8")}
        if kind == CSV:
            rows = list(csv.DictReader(io.StringIO(body)))
            return {"inputs": [row["inputs"] for row in rows] if rows and "inputs" in rows[0] else rows}
    except (ValueError, csv.Error) as error:
        raise RequestError(400, f"The body is not {kind}: {error}") from error
    return decode(body, content_type)


def _predict_inputs(content: Any, model: Any) -> Any:
    if not isinstance(content, dict):
        return model(content)
    inputs = content.pop("inputs", content)
    return model(inputs, **(content.pop("parameters", None) or {}))


_PLAIN = Steps(None, decode, _predict, encode)
_HUGGING_FACE = Steps(None, _read_inputs, _predict_inputs, encode)
_STEPS = {
    "pytorch": Steps(_load_torch, _read_tensor, _predict_torch, _write_tensor),
    "xgboost": Steps(None, _read_rows, _predict_rows, encode),
    "huggingface-pytorch": _HUGGING_FACE,
    "huggingface-tensorflow": _HUGGING_FACE,
}
