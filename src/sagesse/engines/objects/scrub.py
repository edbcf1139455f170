"""Reads everything that is stored and says what is damaged.

It needs nothing but the files, so it works on the folder of a server that runs as well as on one without. It changes
nothing but the findings (`core.damage`).
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

import msgspec

from sagesse.core.damage import Damage, DamageBook
from sagesse.core.fault import fault_of
from sagesse.engines.objects._verify import Opens, Verdict, Verifier
from sagesse.engines.objects._walk import (
    Found,
    FoundPart,
    is_still_there,
    total,
    unreadable_buckets,
    walk_objects,
    walk_parts,
)
from sagesse.engines.objects.error import ObjectDamaged

DEFAULT_RATE = 100 << 20
_MAGIC = b"SQLite format 3\0"
_YOUNG_S = 3600.0  # a file of an upload in progress has no row yet
_MOST = 1000

T = TypeVar("T")
Phase: TypeAlias = Literal["databases", "objects", "uploads", "files", "done"]


class Progress(msgspec.Struct, kw_only=True):
    """How far a scrub is; sizes in bytes.

    `unchecked` objects are sealed with keys nobody here has, lie in another S3, or keep no checksum: their size was
    checked where it could be, their bytes were not. `orphans` are files that no row knows: wasted space, no damage.
    """

    phase: Phase = "databases"
    objects: int = 0
    objects_total: int = 0
    size_bytes: int = 0
    total_bytes: int = 0
    databases: int = 0
    unchecked: int = 0
    orphans: int = 0
    orphan_bytes: int = 0
    damages: list[Damage] = []
    more: int = 0
    seconds: float = 0.0
    failure: str = ""


class Scrub:
    """One look at everything; `run` in a thread of its own, the rest from anywhere.

    Args:
        folder: the data directory.
        book: where findings are kept.
        opens: finds the keys of sealed objects.
        rate_bytes: how much to read a second at most; 0 for no bound.
        is_live: a server is writing: young files that no row knows are left alone.
        now: the time.
    """

    def __init__(
        self,
        folder: Path,
        book: DamageBook,
        opens: Opens,
        *,
        rate_bytes: int = DEFAULT_RATE,
        is_live: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.progress = Progress()
        self._folder = folder
        self._objects = folder / "objects"
        self._book = book
        self._is_live = is_live
        self._now = now
        self._rate_bytes = rate_bytes
        self._stopping = threading.Event()
        self._known: dict[str, Damage] = {}
        self._began = time.monotonic()
        self._verifier = Verifier(self._path_of, opens, self._pace)

    def run(self) -> Progress:
        """Look at everything, keep the findings, and tell.

        Raises:
            OSError, sqlite3.Error: the files cannot be read at all, for another reason than damage.
        """
        since, self._began = self._now(), time.monotonic()
        self._known = {damage.what: damage for damage in self._book.findings.damages}
        for path in _databases(self._folder):
            self._check_database(path)
        index = self._objects / "index.db"
        if index.exists():
            with self._guarded(index), contextlib.closing(_connect(index)) as connection:
                self._check_index(connection)
        if not self._stopping.is_set():
            self.progress.phase = "done"
            told = self.progress
            self._book.scrubbed(told.damages, since=since, more=told.more, unchecked=told.unchecked)
        self.progress.seconds = round(time.monotonic() - self._began, 3)
        return self.progress

    def stop(self) -> None:
        """End soon; what was found is kept, what was known before as well."""
        self._stopping.set()

    def _path_of(self, blob: str) -> Path | None:
        """Where a blob is; `RemoteBlobs` gives names of two words to those in another S3, `BlobFolder` of three."""
        return self._objects / "blobs" / blob if blob.count("/") == 2 else None

    def _check_database(self, path: Path) -> None:
        with self._guarded(path), contextlib.closing(_connect(path)) as connection:
            problems = [row[0] for row in connection.execute("PRAGMA quick_check(5)")]
            if problems != ["ok"]:
                self._found(str(path), "; ".join(problems).replace("\n", "; "))
        self.progress.databases += 1

    def _check_index(self, connection: sqlite3.Connection) -> None:
        progress = self.progress
        progress.objects_total, progress.total_bytes = total(connection)
        for name, why in unreadable_buckets(connection):
            self._found(f"s3://{name}", f"its row cannot be read ({why})")
        progress.phase = "objects"
        for found in self._until_stopped(walk_objects(connection)):
            self._check_object(connection, found)
        progress.phase = "uploads"
        for part in self._until_stopped(walk_parts(connection)):
            self._check_part(connection, part)
        progress.phase = "files"
        for file in self._until_stopped(self._objects.glob("blobs/*/*/*")):
            self._check_file(connection, file)

    def _check_object(self, connection: sqlite3.Connection, found: Found) -> None:
        self.progress.objects += 1
        if isinstance(found.row, ObjectDamaged):
            self._found(found.row.what, found.row.problem)
            return
        verdict = self._verifier.object(found.row)
        if verdict.problem and not is_still_there(connection, found):
            return
        info = found.row.info
        what = ObjectDamaged(info.bucket, info.key, "", version=info.version).what
        self._judge(what, verdict)
        if not verdict.problem and not verdict.is_checked:
            self._keep_known(what, info.modified)

    def _check_part(self, connection: sqlite3.Connection, found: FoundPart) -> None:
        verdict = self._verifier.part(found)
        if not verdict.problem or is_still_there(connection, found):
            upload = found.upload
            what = f"s3://{upload.bucket}/{upload.key} part {found.part.number} of upload {upload.id}"
            self._judge(what, verdict)

    def _check_file(self, connection: sqlite3.Connection, file: Path) -> None:
        blob = "/".join(file.parts[-3:])
        if connection.execute("SELECT 1 FROM blob WHERE id=?", (blob,)).fetchone() is not None:
            return
        with contextlib.suppress(FileNotFoundError):
            stat = file.stat()
            if not self._is_live or stat.st_mtime < time.time() - _YOUNG_S:
                self.progress.orphans += 1
                self.progress.orphan_bytes += stat.st_size

    def _judge(self, what: str, verdict: Verdict) -> None:
        if verdict.problem:
            self._found(what, verdict.problem)
        self.progress.unchecked += not verdict.is_checked

    def _keep_known(self, what: str, modified: float) -> None:
        """What a client met in an object that cannot be looked into holds until the object is put again."""
        known = self._known.get(what)
        if known is not None and modified <= known.found and len(self.progress.damages) < _MOST:
            self.progress.damages.append(known)

    def _found(self, what: str, problem: str) -> None:
        if len(self.progress.damages) >= _MOST:
            self.progress.more += 1
            return
        self.progress.damages.append(Damage(what, problem, self._now()))
        self._book.note(what, problem)

    @contextlib.contextmanager
    def _guarded(self, path: Path) -> Generator[None]:
        """A database that is damaged is a finding, not a failure."""
        try:
            yield
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            fault = fault_of(error)
            if isinstance(error, sqlite3.Error) and (fault is None or fault.kind != "damaged"):
                raise
            if not any(damage.what == str(path) for damage in self.progress.damages):
                self._found(str(path), str(error))

    def _pace(self, size_bytes: int) -> None:
        progress = self.progress
        progress.size_bytes += size_bytes
        if self._rate_bytes and size_bytes:
            ahead_s = progress.size_bytes / self._rate_bytes - (time.monotonic() - self._began)
            if ahead_s > 0.01:
                self._stopping.wait(ahead_s)

    def _until_stopped(self, items: Iterator[T]) -> Iterator[T]:
        for item in items:
            if self._stopping.is_set():
                return
            yield item


def _databases(folder: Path) -> Iterator[Path]:
    """The SQLite files: ours by name, others by their first bytes."""
    for path in sorted(folder.glob("*.db")) + sorted(folder.glob("*/*.db")):
        is_ours = path.parent == folder or path == folder / "objects" / "index.db"
        if is_ours or _begins_as_one(path):
            yield path


def _begins_as_one(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=30)
    connection.execute("PRAGMA query_only=1")
    return connection
