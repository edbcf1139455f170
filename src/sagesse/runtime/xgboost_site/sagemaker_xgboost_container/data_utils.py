"""Reading a channel's files, as the built-in algorithm reads them."""

from pathlib import Path

import xgboost

from sagesse.algorithms.base import Channel
from sagesse.algorithms.xgboost.rows import read_channel

_TYPES = {"csv": "text/csv", "libsvm": "text/libsvm"}


def get_dmatrix(
    data_path: str, content_type: str, csv_weights: int = 0, is_pipe: bool = False
) -> xgboost.DMatrix | None:
    """The rows of all files below `data_path`; None when it holds none, as on a host that got no data.

    Args:
        content_type: ``csv`` (no header, label first) or ``libsvm``, also as ``text/csv`` and so on.
        csv_weights: 1: the second column of csv is the weight of the row.
        is_pipe: `data_path` is a channel in Pipe mode, without the number of its epoch.

    Raises:
        ValueError: a content type that is not read here.
        sagesse.algorithms.base.ClientError: text that cannot be read.
    """
    kind = content_type.partition(";")[0].strip().lower()
    kind = _TYPES.get(kind, kind)
    if kind not in {*_TYPES.values(), "text/x-libsvm"}:
        raise ValueError(f"content_type {content_type!r} is not read here; allowed: {', '.join(_TYPES)}")
    path = Path(data_path)
    if not is_pipe and not path.is_file() and not any(file.is_file() for file in path.rglob("*")):
        return None
    channel = Channel(path.name, path, kind, "Pipe" if is_pipe else "File")
    rows = read_channel(channel, csv_weights=bool(csv_weights))
    return xgboost.DMatrix(rows.features, label=rows.labels, weight=rows.weights)
