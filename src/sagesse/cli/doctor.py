"""`sagesse doctor`: what this machine has, what it lacks, and how to fix that."""

import argparse

from rich.markup import escape

from sagesse.cli.check import CHECKS, Finding
from sagesse.cli.command import Invocation
from sagesse.cli.failure import Exit

_MARKS = {"ok": "[green]ok    [/]", "warn": "[yellow]warn  [/]", "broken": "[bold red]broken[/]"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See `Command.add_arguments`."""
    parser.add_argument("--port", type=int, help="the port that `sagesse up` will be asked for")


def run(invocation: Invocation) -> int:
    """See `Command.run`."""
    findings = [finding for check in CHECKS for finding in check(invocation.settings)]
    broken = sum(finding.state == "broken" for finding in findings)
    facts = {"healthy": not broken, "findings": [finding._asdict() for finding in findings]}
    verdict = f"[bold red]{broken} broken.[/]" if broken else "[bold green]Sagesse can run here.[/]"
    invocation.screen.result(facts, *map(_words, findings), verdict)
    return Exit.FAILED if broken else Exit.DONE


def _words(finding: Finding) -> str:
    said = f"{_MARKS[finding.state]} [bold]{finding.name}[/]: {escape(finding.text)}"
    return f"{said}\n       [dim]fix:[/] {escape(finding.fix)}" if finding.fix else said
