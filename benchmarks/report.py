"""Tables on the terminal, and the figures as JSON beside them."""

import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.rounds import Measure

RESULTS = Path(__file__).parent / "results"
_console = Console(width=110)


def show(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]], *, note: str = "") -> None:
    """Print a table; the first column is text, the others are numbers or text."""
    table = Table(title=title, caption=note or None, title_justify="left", caption_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(_text(cell) for cell in row))
    _console.print(table)


def show_measures(title: str, measures: Mapping[str, Measure], *, base: str, note: str = "") -> None:
    """Print what `rounds.measure` found."""
    columns = ["", "CPU us", f"x {base}", "lowest", "highest", "wall us", f"x {base}"]
    rows = [
        [
            name,
            one.cpu_us,
            f"{one.cpu_ratio:.2f}",
            f"{one.cpu_ratio_low:.2f}",
            f"{one.cpu_ratio_high:.2f}",
            one.wall_us,
            f"{one.wall_ratio:.2f}",
        ]
        for name, one in measures.items()
    ]
    show(title, columns, rows, note=note)


def save(benchmark: str, figures: Any) -> None:
    """Append a run's figures to its file, with when and where they were taken."""
    RESULTS.mkdir(exist_ok=True)
    entry = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "processor": _processor(),
            "python": platform.python_version(),
            "interpreter": os.path.realpath(sys.executable),  # builds of one version differ by a quarter
            "load": os.getloadavg()[0],
        },
        "figures": msgspec.to_builtins(figures),
    }
    with (RESULTS / f"{benchmark}.jsonl").open("a") as file:
        file.write(json.dumps(entry) + "\n")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _text(cell: object) -> str:
    match cell:
        case float() if abs(cell) >= 100:
            return f"{cell:,.0f}"
        case float():
            return f"{cell:.3g}"
        case _:
            return str(cell)
