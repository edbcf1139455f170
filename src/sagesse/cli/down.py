"""`sagesse down`: end the server, and what it need not leave behind."""

import argparse
from pathlib import Path

from sagesse.cli.command import Invocation
from sagesse.cli.failure import CommandFailed, Exit
from sagesse.cli.instance import end, find
from sagesse.config import Settings
from sagesse.engines.jobs.base import JobEngine, JobEngineError
from sagesse.engines.jobs.open import open_engines, stop_zygotes

_GRACE_S = 20.0
_JOB_S = 130.0  # a job has 120 s from SIGTERM to SIGKILL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See `Command.add_arguments`."""
    parser.add_argument("--jobs", action="store_true", help="end running jobs and model servers too")


def run(invocation: Invocation) -> int:
    """See `Command.run`."""
    options, settings, screen = invocation
    folder = settings.folder
    pid, was_killed, ended = stop(settings, with_jobs=options.jobs)
    if pid is None:
        said = f"No server has {folder}."
    else:
        said = f"Server {pid} {'did not end by itself and was killed' if was_killed else 'has ended'}."
    if ended:
        said += f" {ended} jobs and model servers were ended."
    screen.result({"pid": pid, "killed": was_killed, "jobs_ended": ended}, said)
    return Exit.DONE


def stop(settings: Settings, *, with_jobs: bool) -> tuple[int | None, bool, int]:
    """End the server of a data directory: its process id, whether it had to be killed, how many jobs were ended.

    Raises:
        CommandFailed: it is another user's, or its jobs cannot be reached.
    """
    pid, was_killed = _end_server(settings.folder)
    stop_zygotes(settings.folder)
    return pid, was_killed, _end_jobs(settings) if with_jobs else 0


def _end_server(folder: Path) -> tuple[int | None, bool]:
    instance = find(folder)
    if instance is None:
        return None, False
    try:
        return instance.pid, not end(folder, instance, grace_s=_GRACE_S)
    except PermissionError as error:
        raise CommandFailed(
            f"the server with process id {instance.pid} belongs to another user: {error}",
            fix="Ask that user, or root, to end it.",
        ) from error


def _end_jobs(settings: Settings) -> int:
    """End what the server started; how many runs that were.

    A training job ended this way becomes Stopped when the server is up again; a model server is started again then.
    """
    if not (settings.folder / "jobs").is_dir():
        return 0
    try:
        engines = open_engines(settings.folder, settings.job_engine, settings.ray_address)
        try:
            return sum(map(_end_runs, engines.each()))
        finally:
            engines.close()
    except JobEngineError as error:
        raise CommandFailed(f"jobs cannot be ended: {error}") from error


def _end_runs(jobs: JobEngine) -> int:
    running = [run_id for run_id in jobs.runs() if not jobs.look(run_id).is_final]
    for run_id in running:
        jobs.stop(run_id)
    for run_id in running:
        jobs.wait(run_id, _JOB_S)
    return len(running)
