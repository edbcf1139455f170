"""Contents of channels, each kept once however many jobs read it, under what it is and not what it is called.

Entries are linked into the folders of jobs. What a running job holds is never removed; of the rest, what was not
used for longest goes first. An entry appears when it is on disk and its size and digests are right.
"""

import hashlib
import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import msgspec

from sagesse.engines.objects.base import ALGORITHMS, Algorithm
from sagesse.engines.objects.digest import Digest

_logger = logging.getLogger(__name__)
_READ_BYTES = 1 << 20


class Content(msgspec.Struct, frozen=True):
    """What an object is, apart from its name.

    Attributes:
        etag: without quotes.
        checksums: of the whole object, base64, by algorithm.
    """

    etag: str
    size_bytes: int
    checksums: dict[str, str] = {}

    @property
    def key(self) -> str:
        """The name of its entry."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


class TornContent(Exception):  # noqa: N818 - reads as the fact it states
    """What was to be kept is not what it should be."""


class _Entry(NamedTuple):
    path: Path
    facts: os.stat_result


class ChannelCache:
    """The entries under one folder; for threads.

    Args:
        folder: made when it is first needed.
        limit_bytes: what all entries take together, but for those that jobs hold; 0 keeps nothing.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._entries = folder / "content"
        self._drafts = folder / "partial"
        self._limit_bytes = limit_bytes
        self._guard = threading.Lock()
        for draft in self._drafts.glob("*"):
            draft.unlink()  # of a server that ended in the middle

    def takes(self, content: Content) -> bool:
        """Whether content of this size is kept at all."""
        return content.size_bytes <= self._limit_bytes

    def link(self, content: Content, target: Path, write: Callable[[BinaryIO], None]) -> None:
        """Make `target` a link to the entry; `write` brings the bytes when there is none yet.

        Raises:
            TornContent: it brought others.
            OSError: links cannot be made from here to there.
        """
        entry = self._entries / content.key[:2] / content.key[2:]
        with self._guard:  # one copy at a time: two jobs that begin together share it
            if not _is_whole(entry, content):
                self._insert(entry, content, write)
                self._evict(keep=entry)
            os.utime(entry)  # the time of its last use
            target.unlink(missing_ok=True)
            os.link(entry, target)

    def _insert(self, entry: Path, content: Content, write: Callable[[BinaryIO], None]) -> None:
        self._drafts.mkdir(mode=0o700, parents=True, exist_ok=True)
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._drafts / uuid.uuid4().hex
        try:
            with draft.open("wb+") as file:
                write(file)
                file.flush()
                os.fdatasync(file.fileno())
                _check(file, content)
            os.replace(draft, entry)
        finally:
            draft.unlink(missing_ok=True)

    def _evict(self, *, keep: Path) -> None:
        entries = sorted(self._all(), key=lambda entry: entry.facts.st_mtime_ns)
        surplus = sum(entry.facts.st_size for entry in entries) - self._limit_bytes
        for path, facts in entries:
            if surplus <= 0:
                return
            if path == keep or facts.st_nlink > 1:
                continue  # while a job holds it, removing it would free nothing
            path.unlink()
            surplus -= facts.st_size
            _logger.info("channel cache: dropped %d bytes unused for longest", facts.st_size)

    def _all(self) -> Iterator[_Entry]:
        return (_Entry(path, path.stat()) for path in self._entries.glob("*/*"))


def _is_whole(entry: Path, content: Content) -> bool:
    try:
        return entry.stat().st_size == content.size_bytes
    except FileNotFoundError:
        return False


def _check(file: BinaryIO, content: Content) -> None:
    """Compare what was written with everything that is known of it."""
    known = [name for name in content.checksums if name in ALGORITHMS]
    digest = Digest(cast("list[Algorithm]", known))
    file.seek(0)
    digest.update(iter(lambda: file.read(_READ_BYTES), b""))
    found = digest.checksums
    if file.tell() != content.size_bytes or any(found[name] != content.checksums[name] for name in found):
        raise TornContent(f"{file.tell()} bytes came, not the {content.size_bytes} of {content.etag}")
