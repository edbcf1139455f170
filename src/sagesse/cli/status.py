"""`sagesse status`: how the server is, what runs, what was asked of it, what it takes."""

import argparse
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError  # pyright: ignore[reportMissingTypeStubs]
from rich.console import RenderableType
from rich.table import Table

from sagesse.cli.client import client
from sagesse.cli.command import Invocation
from sagesse.cli.failure import CommandFailed, Exit
from sagesse.cli.instance import Facts, running
from sagesse.cli.own import ask

_MOST_USED = 15


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See `Command.add_arguments`."""


def run(invocation: Invocation) -> int:
    """See `Command.run`."""
    facts = running(invocation.settings.folder)
    report = gather(facts)
    invocation.screen.result(report, *_words(report))
    return Exit.DONE


def gather(facts: Facts) -> dict[str, Any]:
    """Everything there is to tell, in plain values.

    Raises:
        CommandFailed: the server does not answer.
    """
    usage = ask(facts, "status")["usage"]
    try:
        jobs, endpoints = _jobs(facts), _endpoints(facts)
    except (BotoCoreError, ClientError) as error:
        raise CommandFailed(f"the server at {facts.url} does not answer: {error}") from error
    return {
        "running": True,
        "url": facts.url,
        "pid": facts.pid,
        "region": facts.region,
        "account": facts.account,
        "ephemeral": facts.ephemeral,
        "up_s": round(time.time() - facts.started, 1),
        "data_dir": facts.data_dir,
        "jobs": jobs,
        "endpoints": endpoints,
        "usage": usage,
        "disk": _disk(Path(facts.data_dir)),
    }


def _jobs(facts: Facts) -> list[dict[str, str]]:
    pages = client(facts, "sagemaker").get_paginator("list_training_jobs").paginate(StatusEquals="InProgress")
    return [
        {
            "name": job["TrainingJobName"],
            "state": job.get("SecondaryStatus", job["TrainingJobStatus"]),
            "created": job["CreationTime"].isoformat(),
        }
        for page in pages
        for job in page["TrainingJobSummaries"]
    ]


def _endpoints(facts: Facts) -> list[dict[str, str]]:
    pages = client(facts, "sagemaker").get_paginator("list_endpoints").paginate()
    return [
        {"name": endpoint["EndpointName"], "state": endpoint["EndpointStatus"]}
        for page in pages
        for endpoint in page["Endpoints"]
    ]


def _disk(folder: Path) -> dict[str, Any]:
    parts = {entry.name: _size(Path(entry.path)) for entry in os.scandir(folder)}
    return {"used_bytes": sum(parts.values()), "free_bytes": shutil.disk_usage(folder).free, "parts": parts}


def _size(path: Path) -> int:
    """Bytes on disk of a file, or of everything below a folder; what vanishes meanwhile counts nothing."""
    return sum(stat.st_blocks * 512 for stat in _stats(path))


def _stats(path: Path) -> Iterator[os.stat_result]:
    try:
        yield os.lstat(path)
        if path.is_symlink() or not path.is_dir():
            return
        for entry in os.scandir(path):
            yield from _stats(Path(entry.path))
    except (FileNotFoundError, PermissionError):
        return


def _words(report: Mapping[str, Any]) -> list[RenderableType]:
    waiting = [job for job in report["jobs"] if job["state"] == "Pending"]
    disk = report["disk"]
    words: list[RenderableType] = [
        f"[bold green]Healthy[/] at [bold]{report['url']}[/] (process {report['pid']}, region {report['region']}, "
        f"up {_span(report['up_s'])}{', nothing is kept' if report['ephemeral'] else ''})",
        f"Disk: {_bytes(disk['used_bytes'])} in {report['data_dir']}, {_bytes(disk['free_bytes'])} free",
        f"Training jobs: {len(report['jobs']) - len(waiting)} running, {len(waiting)} queued",
        *(f"  {job['name']}  {job['state']}" for job in report["jobs"]),
        f"Endpoints: {len(report['endpoints'])}",
        *(f"  {endpoint['name']}  {endpoint['state']}" for endpoint in report["endpoints"]),
    ]
    if report["usage"]:
        words.append(_usage(report["usage"]))
    return words


def _usage(usage: Mapping[str, Mapping[str, float]]) -> Table:
    busiest: Sequence[tuple[str, Mapping[str, float]]] = sorted(
        usage.items(), key=lambda item: -item[1]["calls"]
    )
    title = f"Calls since the server started, {len(busiest)} operations"
    table = Table(title=title, title_justify="left")
    table.add_column("operation")
    for name in ("calls", "4xx", "5xx", "mean ms"):
        table.add_column(name, justify="right")
    for name, used in busiest[:_MOST_USED]:
        numbers = (used["calls"], used["client_errors"], used["server_errors"])
        mean_ms = used["seconds"] / used["calls"] * 1000
        table.add_row(name, *(f"{number:.0f}" for number in numbers), f"{mean_ms:.2f}")
    if len(busiest) > _MOST_USED:
        table.caption = f"and {len(busiest) - _MOST_USED} that were called less often"
    return table


def _span(seconds: float) -> str:
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
