"""From an image URI to what runs it here: the repository decides, account and region are ignored."""

import importlib.util
import re
from typing import Literal, NamedTuple, TypeAlias

RecipeKind: TypeAlias = Literal["algorithm", "script", "command", "container"]

_URI = re.compile(
    r"^(?:(?P<registry>[^/]+)/)?(?P<repository>[a-z0-9][a-z0-9._/-]*?)(?::(?P<tag>[\w][\w.-]{0,127}))?"
    r"(?:@sha256:[0-9a-f]{64})?$"
)


class Image(NamedTuple):
    """An image URI in parts."""

    registry: str
    repository: str
    tag: str


class Recipe(NamedTuple):
    """How an image is run here.

    Attributes:
        kind: an "algorithm" runs one of ours by name unless the job names a script; a "script" only runs user
            scripts; a "command" is a program of the user's own, called as SageMaker calls a container; a
            "container" is one, run by Podman or Docker.
        preload: modules that its jobs expect to be loaded already.
        needs: modules that must be installed, by name.
        extra: the extra of this package that installs them; empty when none does.
        python: the interpreter of the user's own environment that runs scripts; empty: ours.
        command: program and arguments of a "command"; the container engine's program and the image of a "container".
    """

    kind: RecipeKind
    name: str
    preload: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    extra: str = ""
    python: str = ""
    command: tuple[str, ...] = ()


class ImageProblem(Exception):  # noqa: N818 - reads as the fact it states
    """The image cannot be run here; the text says why and what to do."""


def parse_image(uri: str) -> Image | None:
    """The parts of an image URI, or None when it is none."""
    match = _URI.match(uri)
    if match is None:
        return None
    return Image(match["registry"] or "", match["repository"], match["tag"] or "latest")


def check_installed(uri: str, recipe: Recipe) -> None:
    """Look for the modules a recipe needs; they are not imported.

    Raises:
        ImageProblem: one is not installed; names it and the extra that has it.
    """
    missing = [name for name in recipe.needs if not _is_installed(name)]
    if not missing:
        return
    remedy = f"pip install 'sagesse[{recipe.extra}]', or " if recipe.extra else ""
    raise ImageProblem(
        f"the image {uri!r} needs {', '.join(missing)}, not installed here; {remedy}register a virtual environment "
        f"that has it: sagesse image add {parse_name(uri)} --python DIR"
    )


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package that it is in is not there
        return False


def parse_name(uri: str) -> str:
    """The repository of an image URI; the text itself when it is none."""
    image = parse_image(uri)
    return image.repository if image else uri
