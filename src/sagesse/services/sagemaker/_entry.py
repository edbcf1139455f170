"""What a job runs: a program, a user's script in one of the platform's environments or in the user's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import sagesse
from sagesse.engines.image import Recipe
from sagesse.engines.jobs.base import Command, PythonEntry
from sagesse.runtime.plan import SYSTEM_PATH

Entry: TypeAlias = Command | PythonEntry

_PYTHONS = frozenset({"python", "python3"})
# Behind everything of the user's environment, whose packages are never replaced by ours.
_IN_OWN_PYTHON = (
    "import sys; sys.path.append({source!r}); from {module} import main; sys.exit(main(*sys.argv[1:]))"
)
_SPARK = "smspark-submit"


def script_entry(recipe: Recipe) -> Entry:
    """Script mode: in a fork that has the recipe's modules loaded, or in the user's own environment."""
    if recipe.python:
        return Command(argv=_own_python(recipe, "sagesse.runtime.script"))
    return PythonEntry(module="sagesse.runtime.script", preload=recipe.preload)


def program_entry(argv: Sequence[str], recipe: Recipe) -> Entry:
    """A program of the request; ``python3 file.py`` runs in a fork, which spares it the start and the imports.

    ``smspark-submit`` is ours where Spark is to be expected: in its own image and in a user's own environment.
    """
    if argv[0] == _SPARK and recipe.kind == "script" and (recipe.name == "spark" or recipe.python):
        return _spark_entry(tuple(argv[1:]), recipe)
    is_script = len(argv) > 1 and argv[0] in _PYTHONS and argv[1].endswith(".py")
    if is_script and not recipe.python and recipe.kind != "container":
        return PythonEntry(
            "sagesse.runtime.python_file", args=tuple(argv[1:]), preload=recipe.preload, cwd="/"
        )
    return Command(argv=tuple(argv), cwd="/")


def _spark_entry(arguments: tuple[str, ...], recipe: Recipe) -> Entry:
    module = "sagesse.runtime.spark_submit"
    if recipe.python:
        return Command(argv=(*_own_python(recipe, module), *arguments), cwd="/")
    return PythonEntry(module, args=arguments, preload=recipe.preload, cwd="/")


def _own_python(recipe: Recipe, module: str) -> tuple[str, ...]:
    """A module of ours, which needs nothing but the standard library, in the user's own environment."""
    source = str(Path(sagesse.__file__).parents[1])
    return (recipe.python, "-c", _IN_OWN_PYTHON.format(source=source, module=module))


def path_variables(recipe: Recipe) -> dict[str, str]:
    """PATH with the user's own environment first, so that ``python`` and ``pip`` are its own."""
    return {"PATH": f"{Path(recipe.python).parent}:{SYSTEM_PATH}"} if recipe.python else {}
