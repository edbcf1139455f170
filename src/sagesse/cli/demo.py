"""`sagesse demo`: have a server, play the marble sorter against it, show what came out and where to look."""

import argparse
import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from rich.console import RenderableType
from rich.table import Table

from sagesse.cli import background, down
from sagesse.cli.command import Invocation
from sagesse.cli.failure import CommandFailed, Exit
from sagesse.cli.instance import Facts, find
from sagesse.config import Settings

_FEWEST_PHOTOS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See `Command.add_arguments`."""
    parser.add_argument("--photos", type=int, default=800, help="labelled photos to render (default: 800)")
    parser.add_argument(
        "--output", type=Path, default=Path("demo-output"), metavar="DIR", help="for the pictures"
    )
    parser.add_argument(
        "--port", type=int, help="of a server that must be started (default: 4577, or a free one)"
    )
    parser.add_argument(
        "--min-accuracy",
        type=float,
        default=0.95,
        metavar="SHARE",
        help="exit with 1 below this share of right answers (default: 0.95)",
    )
    after = parser.add_mutually_exclusive_group()
    after.add_argument("--keep", action="store_true", help="leave the server running (the default)")
    after.add_argument(
        "--down", action="store_true", help="stop the server in the end, with its jobs and models"
    )


def run(invocation: Invocation) -> int:
    """See `Command.run`."""
    options, settings, screen = invocation
    _check(options)
    began = time.monotonic()
    facts = _have_server(settings, has_port=options.port is not None or "SAGESSE_PORT" in os.environ)
    screen.console.print(f"Sagesse answers at [bold]{facts.url}[/], data in {facts.data_dir}", soft_wrap=True)
    summary = _play(invocation)
    summary["total_s"] = round(time.monotonic() - began, 1)
    screen.result(summary, *_words(summary, _latest(settings, facts), options))
    if options.down:
        down.stop(settings, with_jobs=True)
    if summary["accuracy"] < options.min_accuracy:
        raise CommandFailed(
            f"{summary['accuracy']:.3f} of the unseen photos were classified right, {options.min_accuracy} expected",
            fix=f"Look at {summary['contact_sheet']}.",
        )
    return Exit.DONE


def _check(options: argparse.Namespace) -> None:
    missing = [name for name in ("numpy", "PIL", "torch") if importlib.util.find_spec(name) is None]
    if missing:
        raise CommandFailed(
            f"the demo needs {', '.join(missing)}", fix="Install the extra: pip install 'sagesse[deep]'"
        )
    if options.photos < _FEWEST_PHOTOS:
        text = f"--photos: {options.photos} is too few to learn from, at least {_FEWEST_PHOTOS} expected"
        raise CommandFailed(text, code=Exit.USAGE)


def _have_server(settings: Settings, *, has_port: bool) -> Facts:
    """A healthy server; one that is started takes the port of the last one, the usual one, or any."""
    if find(settings.folder) is None and not has_port:
        settings = background.at_its_old_port(settings)
    try:
        return background.ensure(settings).facts
    except CommandFailed as failure:
        if failure.code != Exit.CANNOT_LISTEN or has_port:
            raise
        return background.ensure(msgspec.structs.replace(settings, port=0)).facts


def _play(invocation: Invocation) -> dict[str, Any]:
    """Play the story, and turn what can go wrong in it into words."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]

    from sagesse.demo.cloud import Access, ServerGone  # noqa: PLC0415 - needs the extra `deep`, checked before
    from sagesse.demo.deployment import DeploymentFailed  # noqa: PLC0415
    from sagesse.demo.story import Plan, play  # noqa: PLC0415
    from sagesse.demo.training import TrainingFailed  # noqa: PLC0415

    options, settings, screen = invocation

    def look() -> Access | None:
        instance = find(settings.folder)
        facts = instance.facts if instance else None
        return (
            Access(facts.url, facts.region, facts.access_key_id, facts.secret_access_key) if facts else None
        )

    again = "Run the demo again: it goes on from what is there."
    try:
        return play(Plan(options.photos, options.output.resolve()), look, screen.console)
    except (TrainingFailed, DeploymentFailed, ServerGone) as error:
        raise CommandFailed(str(error), fix=again) from error
    except (ClientError, BotoCoreError) as error:
        raise CommandFailed(f"the server refuses: {error}", fix=again) from error
    except OSError as error:
        raise CommandFailed(f"{error}", fix=again) from error
    except KeyboardInterrupt as error:
        raise CommandFailed("interrupted", fix=again, code=Exit.INTERRUPTED) from error


def _latest(settings: Settings, facts: Facts) -> Facts:
    """The server may have been started again meanwhile."""
    instance = find(settings.folder)
    return instance.facts if instance and instance.facts else facts


def _words(summary: Mapping[str, Any], facts: Facts, options: argparse.Namespace) -> list[RenderableType]:
    sheet = f"Every photo with what was said of it: [bold]{summary['contact_sheet']}[/]"
    words: list[RenderableType] = ["", _result(summary, options.min_accuracy), _confusion(summary), sheet]
    if not options.down:
        words.extend(_look(summary, facts))
    return words


def _result(summary: Mapping[str, Any], least: float) -> Table:
    table = Table(title="The marble sorter", title_justify="left", show_header=False)
    colour = "green" if summary["accuracy"] >= least else "red"
    latency = summary["latency_ms"]
    rows = {
        "unseen photos classified right": f"[bold {colour}]{summary['accuracy']:.1%}[/] of {summary['photos']}",
        "best validation accuracy": f"{summary['validation_accuracy'] or 0:.1%}",
        "latency of one photo": f"p50 {latency['p50']:.1f} ms, p95 {latency['p95']:.1f} ms",
        "training time": f"{summary['training_s']} s",
        **{title: f"{seconds:.1f} s" for title, seconds in summary["seconds"].items()},
        "all in all": f"{summary['total_s']:.1f} s",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _confusion(summary: Mapping[str, Any]) -> Table:
    table = Table(title="Said, by what it was", title_justify="left")
    table.add_column("")
    for said in ("ok", "ko"):
        table.add_column(f"said {said}", justify="right")
    for truth, row in summary["confusion"].items():
        table.add_row(f"is {truth}", *(str(row[said]) for said in ("ok", "ko")))
    return table


def _look(summary: Mapping[str, Any], facts: Facts) -> list[str]:
    where = "" if facts.data_dir == str(Settings().folder) else f" --data-dir {facts.data_dir}"
    command = "sagesse" if shutil.which("sagesse") else sys.argv[0]  # make demo runs it from .venv
    return [
        "",
        "[bold]What to look at[/]",
        f"The server goes on at [bold]{facts.url}[/] (its state: {facts.url}/_sagesse/status).",
        "Ask it with any AWS client:",
        f'  eval "$({command} env{where})"',
        f"  aws sagemaker describe-training-job --training-job-name {summary['training_job']}",
        f"  aws sagemaker describe-endpoint --endpoint-name {summary['endpoint']}",
        f"  aws logs filter-log-events --log-group-name /aws/sagemaker/TrainingJobs "
        f"--log-stream-name-prefix {summary['training_job']} --query 'events\\[].message'",
        f"  aws s3 ls {summary['model']}",
        f"Each call it answered is in {facts.data_dir}/audit",
        f"  {command} status{where}",
        f"  {command} down --jobs{where}",
    ]
