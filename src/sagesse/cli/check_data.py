"""The checks of `sagesse doctor` about the data: room for it, and damage in it."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from sagesse.cli.finding import Finding
from sagesse.config import Settings
from sagesse.core.damage import read_findings

_GIB = 1 << 30
_LEAST_FREE, _EASY_FREE = _GIB // 2, 4 * _GIB
_SHOWN = 5


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Free space where the data is."""
    base = nearest(settings.folder)
    free = shutil.disk_usage(base).free
    text = f"{free / _GIB:.1f} GiB free at {base}"
    fix = "Free some space, or choose another --data-dir."
    if _lacks_inodes(base):
        yield Finding("disk", "broken", f"no file can be made at {base}: its inodes are used up", fix)
    elif free < _LEAST_FREE:
        yield Finding("disk", "broken", f"{text}, {_LEAST_FREE / _GIB:.1f} needed", fix)
    elif free < _EASY_FREE:
        yield Finding("disk", "warn", f"{text}; data sets and models may not fit", fix)
    else:
        yield Finding("disk", "ok", text)


def check_damage(settings: Settings) -> Iterator[Finding]:
    """Damage that the server or a scrub found, until a scrub finds none."""
    known = read_findings(settings.folder / "damage.json")
    for damage in known.damages[:_SHOWN]:
        text = f"{damage.what}: {damage.problem} (found {_day(damage.found)})"
        fix = "Put it again or delete it, then run `sagesse scrub`."
        if not damage.what.startswith("s3://"):
            fix = "Restore the file from a backup while no server runs, then run `sagesse scrub`."
        yield Finding("damage", "broken", text, fix)
    hidden = len(known.damages[_SHOWN:]) + known.more
    if hidden:
        yield Finding("damage", "broken", f"{hidden} more things are damaged", "`sagesse scrub` lists them.")
    if not known.damages:
        scrubbed = f"scrubbed {_day(known.scrubbed)}" if known.scrubbed else "never scrubbed: `sagesse scrub`"
        yield Finding("damage", "ok", f"none known; {scrubbed}")


def nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _lacks_inodes(folder: Path) -> bool:
    """Some file systems count no inodes and say 0 of 0."""
    facts = os.statvfs(folder)
    return facts.f_files > 0 and facts.f_favail == 0


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))
