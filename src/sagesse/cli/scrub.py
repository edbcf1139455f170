"""`sagesse scrub`: read everything that is stored, and say what is damaged."""

import argparse
import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from sagesse.cli.command import Invocation
from sagesse.cli.failure import CommandFailed, Exit
from sagesse.cli.instance import Facts, Occupied, find, hold, running
from sagesse.cli.own import ask
from sagesse.cli.screen import Screen

if TYPE_CHECKING:
    from sagesse.engines.objects.scrub import Scrub

_LOOK_S = 0.2
_MIB = 1 << 20
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See `Command.add_arguments`."""
    parser.add_argument(
        "--rate-mib",
        type=_rate,
        default=100,
        metavar="N",
        help="read at most N MiB a second; 0: no bound (100)",
    )


def run(invocation: Invocation) -> int:
    """See `Command.run`."""
    options, settings, screen = invocation
    rate_bytes = options.rate_mib * _MIB
    if find(settings.folder) is not None:
        progress = _of_server(running(settings.folder), rate_bytes)
    else:
        progress = _of_files(settings.folder, rate_bytes)
    facts = _watched(progress, screen)
    if facts.get("failure"):
        raise CommandFailed(f"the data cannot be read: {facts['failure']}", fix="See `sagesse doctor`.")
    if facts.get("phase") != "done":
        raise CommandFailed("the scrub was ended before it was done", fix="Begin it again.")
    damaged = len(facts["damages"]) + facts["more"]
    screen.result({"healthy": not damaged, **facts}, *_words(facts))
    return Exit.FAILED if damaged else Exit.DONE


def _rate(text: str) -> int:
    rate = int(text)
    if rate < 0:
        raise argparse.ArgumentTypeError(f"{rate} is not 0 or more")
    return rate


def _of_server(server: Facts, rate_bytes: int) -> Iterator[dict[str, Any]]:
    """How far a running server is with it; one that it is at already is joined."""
    told = ask(server, "scrub", json.dumps({"rate_bytes": rate_bytes}).encode())
    while told.pop("running"):
        yield told
        time.sleep(_LOOK_S)
        told = ask(server, "scrub")
    yield told


def _of_files(folder: Path, rate_bytes: int) -> Iterator[dict[str, Any]]:
    """How far we are ourselves, where no server runs; none can start meanwhile."""
    import msgspec  # noqa: PLC0415 - not needed where a server does the work

    if not (folder / "objects").is_dir():
        raise CommandFailed(f"{folder} holds no data", fix="Name the --data-dir of a server.")
    scrub = _scrub(folder, rate_bytes)
    failures: list[Exception] = []

    def work() -> None:
        try:
            scrub.run()
        except (OSError, sqlite3.Error) as error:
            failures.append(error)

    with _held(folder):
        thread = threading.Thread(target=work, name="scrub", daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                yield msgspec.to_builtins(scrub.progress)
                thread.join(_LOOK_S)
        finally:
            scrub.stop()
            thread.join()
    scrub.progress.failure = str(failures[0]) if failures else ""
    yield msgspec.to_builtins(scrub.progress)


@contextlib.contextmanager
def _held(folder: Path) -> Generator[None]:
    try:
        with hold(folder):
            yield
    except Occupied as occupied:
        raise CommandFailed(str(occupied), fix="Try again: it will do the work.") from occupied


def _scrub(folder: Path, rate_bytes: int) -> "Scrub":
    from sagesse.core.damage import DamageBook  # noqa: PLC0415 - see _of_files
    from sagesse.engines.objects.scrub import Scrub  # noqa: PLC0415
    from sagesse.engines.vault import Vault, VaultBroken  # noqa: PLC0415
    from sagesse.services.s3 import vault_keys  # noqa: PLC0415

    opens = None
    master = folder / "kms" / "master.key"
    with contextlib.suppress(VaultBroken):
        opens = vault_keys(Vault(master)) if master.exists() else None
    book = DamageBook(folder / "damage.json")
    return Scrub(folder, book, opens or (lambda _: None), rate_bytes=rate_bytes)


def _watched(progress: Iterator[dict[str, Any]], screen: Screen) -> dict[str, Any]:
    """Follow a scrub to its end, with a bar for people at a terminal."""
    facts: dict[str, Any] = {}
    if screen.as_json or not screen.console.is_terminal:
        for told in progress:
            facts = told
        return facts
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen.console, transient=True) as bar:
        task = bar.add_task("databases")
        for told in progress:
            facts = told
            if "phase" not in facts:  # another server by now, which knows of no scrub
                break
            total = max(facts["total_bytes"], facts["size_bytes"]) or None
            text = f"{facts['phase']}, {len(facts['damages'])} damaged"
            bar.update(task, description=text, total=total, completed=facts["size_bytes"])
    return facts


def _words(facts: Mapping[str, Any]) -> Iterator[str]:
    damages, more = facts["damages"], facts["more"]
    yield (
        f"{facts['objects']} objects ({facts['size_bytes'] / _MIB:.1f} MiB read) and {facts['databases']} databases "
        f"in {facts['seconds']:.1f} s."
    )
    if facts["unchecked"]:
        yield (
            f"{facts['unchecked']} of them by their size at most: their keys (SSE-KMS, SSE-C) are not here, their "
            "bytes are in another S3, or they keep no checksum."
        )
    if facts["orphans"]:
        yield f"{facts['orphans']} files ({facts['orphan_bytes'] / _MIB:.1f} MiB) belong to nothing; no harm is done."
    for damage in damages[:_SHOWN]:
        yield f"[bold red]damaged[/] [bold]{escape(damage['what'])}[/]: {escape(damage['problem'])}"
    hidden = len(damages) - _SHOWN + more
    if hidden > 0:
        yield f"and {hidden} more; --json lists the first thousand."
    if damages:
        yield "`sagesse doctor` says what to do about it, until a scrub finds no damage."
    else:
        yield "[bold green]No damage.[/]"
