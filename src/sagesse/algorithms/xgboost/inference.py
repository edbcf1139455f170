"""Answer rows with scores."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# xgboost types boosters only partly.

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import orjson
import xgboost
from numpy.typing import NDArray
from xgboost.core import XGBoostError

from sagesse.algorithms.base import ClientError, RequestError
from sagesse.algorithms.content import choose, require
from sagesse.algorithms.xgboost.rows import (
    CSV,
    LIBSVM,
    Floats,
    UnreadableRowsError,
    parse_csv,
    parse_libsvm,
    widen,
)
from sagesse.algorithms.xgboost.training import MODEL_FILE

_CSV, _JSON, _LINES = "text/csv", "application/json", "application/jsonlines"


class TreeModel:
    """A trained booster; a request is one or more rows, its answer one score or one list of scores for each."""

    accepts: tuple[str, ...] = (*CSV, *LIBSVM)

    def __init__(self, model_dir: Path) -> None:
        self._booster = _read(model_dir)
        self._booster.set_param(
            {"nthread": 1}
        )  # a server runs several workers; threads cost more than they bring
        self._columns = self._booster.num_features()
        self._is_linear = "gblinear" in self._booster.save_config()

    def decode(self, body: bytes, content_type: str) -> Floats:
        """Read the rows of one request to (rows, columns) float32."""
        kind = require(content_type, self.accepts)
        if not body.strip():
            raise RequestError(204, "")
        try:
            text = body.decode("utf-8")
            rows = parse_libsvm(text).features if kind in LIBSVM else parse_csv(text)
        except (UnicodeDecodeError, UnreadableRowsError) as error:
            raise RequestError(400, f"The body is not readable as {kind}: {error}") from error
        if kind in LIBSVM:
            rows = widen(rows, self._columns)
        if rows.shape[1] != self._columns:
            raise RequestError(
                400,
                f"Feature size of {kind} inference data {rows.shape[1]} is not consistent with feature size of "
                f"trained model {self._columns}.",
            )
        return rows

    def predict(self, batch: Sequence[object]) -> Sequence[NDArray[np.float32]]:
        """The scores of each request's rows, (rows,) or (rows, classes)."""
        requests = cast("Sequence[Floats]", batch)
        if not requests:
            return []
        table = np.concatenate(requests) if len(requests) > 1 else requests[0]
        scores = self._score(np.ascontiguousarray(table))
        return np.split(scores, np.cumsum([len(rows) for rows in requests])[:-1])

    def _score(self, table: Floats) -> NDArray[np.float32]:
        if self._is_linear:
            return self._booster.predict(xgboost.DMatrix(table))
        return cast("NDArray[np.float32]", self._booster.inplace_predict(table))

    def encode(self, result: object, accept: str) -> tuple[bytes, str]:
        """Scores as csv (a comma list; a line for each row of several scores), JSON or JSON lines."""
        kind = choose(accept, (_CSV, _JSON, _LINES))
        scores = cast("NDArray[np.float32]", result)
        listed = scores.tolist()
        if kind == _CSV:
            lines = [",".join(map(str, row)) for row in (listed if scores.ndim == 2 else [listed])]
            return "\n".join(lines).encode(), kind
        items = [{"score": score} for score in listed]
        if kind == _LINES:
            return b"\n".join(orjson.dumps(item) for item in items), kind
        return orjson.dumps({"predictions": items}), kind


def _read(model_dir: Path) -> xgboost.Booster:
    files = sorted(p for p in model_dir.glob("*") if p.is_file() and not p.name.startswith("."))
    file = next((p for p in files if p.name == MODEL_FILE), files[0] if files else None)
    if file is None:
        raise ClientError(f"The model holds no file {MODEL_FILE}.")
    try:
        return xgboost.Booster(model_file=bytearray(file.read_bytes()))
    except XGBoostError as error:
        raise ClientError(
            f"{file.name} is not a model in XGBoost's JSON or UBJSON format (pickles are not read)."
        ) from error
