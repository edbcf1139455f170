"""The files that come with a Spark job: ``--py-files`` for importing, ``--files`` for the working folder."""

import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sagesse.runtime.spark_setting import SubmitError

_ARCHIVES = (".zip", ".egg")


def place_modules(given: str, folder: Path) -> list[str]:
    """Copy Python files and archives into `folder`; what to put on ``sys.path``.

    Args:
        given: comma-separated files, folders of files and S3 URIs.

    Raises:
        SubmitError: one of them is not there or nothing to import from.
    """
    placed = place_files(given, folder)
    for file in placed:
        if file.suffix not in {".py", *_ARCHIVES}:
            raise SubmitError(f"--py-files: {file.name} is not allowed; allowed: .py, .zip, .egg")
    return [str(folder), *(str(file) for file in placed if file.suffix in _ARCHIVES)]


def place_files(given: str, folder: Path) -> list[Path]:
    """Copy files into `folder`; where they are now. See `place_modules`."""
    folder.mkdir(parents=True, exist_ok=True)
    placed: list[Path] = []
    for place in filter(None, given.split(",")):
        if urlsplit(place).scheme in {"s3", "s3a"}:
            placed.append(_download(place, folder))
        else:
            placed += [Path(shutil.copy(file, folder)) for file in _listed(place)]
    return placed


def _listed(place: str) -> Iterator[Path]:
    """A file, or the files of a folder."""
    path = Path(place.removeprefix("file://"))
    if path.is_file():
        yield path
        return
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else []
    if not files:
        raise SubmitError(f"{place!r} is neither a file nor a folder with files")
    yield from files


def _download(uri: str, folder: Path) -> Path:
    address = urlsplit(uri)
    target = folder / Path(address.path).name
    try:
        boto3: Any = importlib.import_module("boto3")  # in the user's own environment it need not be there
    except ImportError as error:
        raise SubmitError(f"{uri!r}: fetching it needs boto3 in the environment of the job") from error
    try:
        boto3.client("s3").download_file(address.netloc, address.path.lstrip("/"), str(target))
    except Exception as error:  # whatever boto3 has to say about an address or a refusal
        raise SubmitError(f"{uri!r} cannot be downloaded: {error}") from error
    return target
