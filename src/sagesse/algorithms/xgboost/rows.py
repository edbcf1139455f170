"""Read rows: csv (no header, label first) and libsvm, for training and for requests."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sagesse.algorithms.base import Channel, ClientError
from sagesse.algorithms.content import media_type

Floats = NDArray[np.float32]
CSV = ("text/csv",)
LIBSVM = ("text/libsvm", "text/x-libsvm")
_DELIMITERS = (",", ";", "\t", "|", " ")


class Rows(NamedTuple):
    """Features, NaN where a value is missing, and what goes with each row."""

    features: Floats  # (rows, columns)
    labels: Floats  # (rows,)
    weights: Floats | None


class UnreadableRowsError(ValueError):
    """The text is not csv or libsvm as expected; the message names the row."""


def read_channel(channel: Channel, *, csv_weights: bool) -> Rows:
    """Read all files of a channel, in order of their names.

    Raises:
        ClientError: no rows, an unknown content type, or text that cannot be read.
    """
    kind = media_type(channel.content_type or "")
    if kind and kind not in (*CSV, *LIBSVM):
        raise ClientError(
            f"The channel {channel.name!r} has content type {channel.content_type!r}; xgboost reads "
            f"{', '.join((*CSV, *LIBSVM))} here."
        )
    if "label_size=0" in (channel.content_type or "").replace(" ", ""):
        raise ClientError(
            f"The channel {channel.name!r} has label_size=0; training needs the label in column one."
        )
    parts = [_read_file(channel, file, kind, csv_weights=csv_weights) for file in _files(channel)]
    parts = [part for part in parts if len(part.features)]
    if not parts:
        raise ClientError(f"The channel {channel.name!r} holds no rows.")
    joined = _join(channel, parts, is_sparse=kind in LIBSVM)
    if np.isinf(joined.features).any() or np.isinf(joined.labels).any():
        raise ClientError(f"The channel {channel.name!r} has values that are infinite or beyond float32.")
    return joined


def _files(channel: Channel) -> Iterator[Path]:
    folder = channel.path
    if channel.mode == "Pipe":
        yield folder.with_name(f"{folder.name}_0")  # all rows, in its first epoch
        return
    if folder.is_file():
        yield folder
        return
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts):
            yield file


def _read_file(channel: Channel, file: Path, kind: str, *, csv_weights: bool) -> Rows:
    text = file.read_text("utf-8", "replace")
    try:
        if kind in LIBSVM or (not kind and ":" in text.partition("\n")[0]):
            return parse_libsvm(text)
        return _split(parse_csv(text), csv_weights=csv_weights)
    except UnreadableRowsError as error:
        raise ClientError(
            f"The file {file.name} of the channel {channel.name!r} cannot be read: {error}"
        ) from error


def _split(table: Floats, *, csv_weights: bool) -> Rows:
    first = 2 if csv_weights else 1
    if table.size and table.shape[1] <= first:
        names = "label, weight and features" if csv_weights else "label and features"
        raise UnreadableRowsError(f"rows have {table.shape[1]} columns, expected {names}")
    if np.isnan(table[:, :first]).any():
        raise UnreadableRowsError("a label or a weight is missing")
    return Rows(
        table[:, first:], table[:, 0] if len(table) else table.ravel(), table[:, 1] if csv_weights else None
    )


def _join(channel: Channel, parts: list[Rows], *, is_sparse: bool) -> Rows:
    widths = {part.features.shape[1] for part in parts}
    if len(widths) > 1 and not is_sparse:
        raise ClientError(
            f"The files of the channel {channel.name!r} have different numbers of columns: {widths}."
        )
    features = np.concatenate([widen(part.features, max(widths)) for part in parts])
    weights = [part.weights for part in parts if part.weights is not None]
    labels = np.concatenate([part.labels for part in parts])
    return Rows(features, labels, np.concatenate(weights) if weights else None)


def widen(features: Floats, columns: int) -> Floats:
    """Add missing values up to `columns`; libsvm leaves out what a row does not have."""
    lacking = columns - features.shape[1]
    return features if lacking <= 0 else np.pad(features, ((0, 0), (0, lacking)), constant_values=np.nan)


def parse_csv(text: str) -> Floats:
    """Numbers to (rows, columns); an empty field is a missing value.

    Raises:
        UnreadableRowsError: a field is no number, or rows differ in length.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return np.empty((0, 0), np.float32)
    delimiter = next((d for d in _DELIMITERS if d in lines[0]), ",")
    try:
        return np.loadtxt(lines, np.float32, delimiter=delimiter, ndmin=2, comments=None)
    except ValueError:
        return _parse_slowly(lines, delimiter)


def _parse_slowly(lines: list[str], delimiter: str) -> Floats:
    """With missing values, or to say which row is wrong."""
    rows = list[list[float]]()
    for number, line in enumerate(lines, 1):
        fields = [field.strip().strip('"') for field in line.split(delimiter)]
        try:
            rows.append([float(field) if field else np.nan for field in fields])
        except ValueError as error:
            hint = " (a header? the first line must be data)" if number == 1 else ""
            raise UnreadableRowsError(f"row {number}: {error}{hint}") from None
        if len(fields) != len(rows[0]):
            raise UnreadableRowsError(f"row {number} has {len(fields)} columns, row 1 has {len(rows[0])}")
    with np.errstate(over="ignore"):
        return np.array(rows, np.float32)


def parse_libsvm(text: str) -> Rows:
    """Lines of `label index:value ...`; the label may be left out of a request.

    Raises:
        UnreadableRowsError: a token is not as it should be.
    """
    labels, rows, columns, values = list[float](), list[int](), list[int](), list[float]()
    lines = [line for line in text.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        tokens = line.partition("#")[0].split()
        has_label = bool(tokens) and ":" not in tokens[0]
        try:
            labels.append(float(tokens[0]) if has_label else np.nan)
            for token in tokens[1:] if has_label else tokens:
                index, _, value = token.partition(":")
                rows.append(number)
                columns.append(int(index))
                values.append(float(value))
        except ValueError:
            raise UnreadableRowsError(f"row {number + 1} is not libsvm (label index:value ...)") from None
    with np.errstate(over="ignore"):
        return Rows(_scatter(rows, columns, values, len(lines)), np.array(labels, np.float32), None)


_CELL_LIMIT = 1 << 28  # one GiB of float32


def _scatter(rows: list[int], columns: list[int], values: list[float], count: int) -> Floats:
    width = max(columns, default=-1) + 1
    if min(columns, default=0) < 0:
        raise UnreadableRowsError("a column index is negative")
    if width * count > _CELL_LIMIT:
        raise UnreadableRowsError(f"{count} rows of {width} columns are more than fit here")
    features = np.full((count, width), np.nan, np.float32)
    features[rows, columns] = values
    return features
