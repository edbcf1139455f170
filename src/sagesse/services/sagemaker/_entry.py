"""What a job runs: a program, a user's script in one of the platform's environments or in the user's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import sagesse
from sagesse.engines.image import Recipe
from sagesse.engines.jobs.base import Command, PythonEntry

Entry: TypeAlias = Command | PythonEntry

_PYTHONS = frozenset({"python", "python3"})
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Behind everything of the user's environment, whose packages are never replaced by ours.
_SCRIPT_MODE = (
    "import sys; sys.path.append({source!r}); from sagesse.runtime.script import main; sys.exit(main())"
)


def script_entry(recipe: Recipe) -> Entry:
    """Script mode: in a fork that has the recipe's modules loaded, or in the user's own environment."""
    if recipe.python:
        source = str(Path(sagesse.__file__).parents[1])
        return Command(argv=(recipe.python, "-c", _SCRIPT_MODE.format(source=source)))
    return PythonEntry(module="sagesse.runtime.script", preload=recipe.preload)


def program_entry(argv: Sequence[str], recipe: Recipe) -> Entry:
    """A program of the request; ``python3 file.py`` runs in a fork, which spares it the start and the imports."""
    is_script = len(argv) > 1 and argv[0] in _PYTHONS and argv[1].endswith(".py")
    if is_script and not recipe.python and recipe.kind != "container":
        return PythonEntry(
            "sagesse.runtime.python_file", args=tuple(argv[1:]), preload=recipe.preload, cwd="/"
        )
    return Command(argv=tuple(argv), cwd="/")


def path_variables(recipe: Recipe) -> dict[str, str]:
    """PATH with the user's own environment first, so that ``python`` and ``pip`` are its own."""
    return {"PATH": f"{Path(recipe.python).parent}:{_SYSTEM_PATH}"} if recipe.python else {}
