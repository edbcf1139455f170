"""What several hosts of a job left, put together."""

import os
from collections.abc import Iterable
from pathlib import Path


def merge(target: Path, sources: Iterable[Path]) -> None:
    """Bring into `target` what the sources have and it has not, the first source first; may be repeated.

    The folders are of one file system and nobody changes them any more. No link in them is followed: jobs made them.
    """
    for source in sources:
        if _is_folder(source) and _is_folder(target):
            _merge(source, target)


def _merge(source: Path, target: Path) -> None:
    for entry in sorted(source.iterdir()):
        place = target / entry.name
        if _is_folder(entry):
            if not os.path.lexists(place):
                place.mkdir()
            if _is_folder(place):
                _merge(entry, place)
        elif not os.path.lexists(place):
            os.link(entry, place, follow_symlinks=False)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
