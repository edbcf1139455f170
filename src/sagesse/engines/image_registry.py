"""`Images`: which recipe runs an image, of the published ones and of those the user registered.

What the user registered is a JSON object in one file: image name -> ``{"python": "/path/of/python"}`` (scripts run in
that environment) or ``{"command": ["program", "argument"]}`` (called with ``train``, as SageMaker calls a container).
The file is read again when it has changed, so a running server knows at once.
"""

import fcntl
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import msgspec

from sagesse.engines.container import Containers
from sagesse.engines.image import ImageProblem, Recipe, check_installed, parse_image
from sagesse.engines.image_catalog import RECIPES


class OwnImage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An image that the user registered: the interpreter for its scripts, or the program that it is."""

    python: str = ""
    command: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.python) == bool(self.command):
            raise ValueError("either python or command is expected")


OwnImages: TypeAlias = dict[str, OwnImage]


class Images:
    """Finds recipes.

    Args:
        path: the file of the user's own images; it need not exist.
        containers: asked for images that nothing else runs.
    """

    def __init__(self, path: Path, containers: Containers | None = None) -> None:
        self.containers = containers or Containers({}, ())
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._own: OwnImages = {}

    def find(self, uri: str) -> Recipe:
        """The recipe of an image, whether or not what it needs is installed.

        Raises:
            ImageProblem: nothing here runs it; the text says what is known.
        """
        image = parse_image(uri)
        own = self.own()
        if image is None:
            raise ImageProblem(f"{uri!r} is no image URI; allowed: [registry/]repository[:tag]")
        names = [
            uri,
            f"{image.registry}/{image.repository}",
            f"{image.repository}:{image.tag}",
            image.repository,
        ]
        if mine := next((own[name] for name in names if name in own), None):
            return Recipe(
                "command" if mine.command else "script",
                image.repository,
                python=mine.python,
                command=mine.command,
            )
        if recipe := RECIPES.get(image.repository):
            return recipe
        if contained := self.containers.find(uri):
            return contained
        raise ImageProblem(
            f"no local recipe runs the image {uri!r}; known repositories: {', '.join(sorted({*RECIPES, *own}))}. "
            "Register your own (sagesse image add NAME --python DIR, or --command PROGRAM) or load it into Podman."
        )

    def ready(self, uri: str) -> Recipe:
        """The recipe of an image that can run now.

        Raises:
            ImageProblem: nothing here runs it, or what it needs is not installed.
        """
        recipe = self.find(uri)
        check_installed(uri, recipe)
        return recipe

    def tags(self, repository: str) -> list[str]:
        """The tags this machine can run of a repository: any tag works, so the one name for it is ``latest``."""
        is_known = repository in RECIPES or repository in self.own()
        return ["latest"] if is_known else []

    def own(self) -> Mapping[str, OwnImage]:
        """What the user registered, by name.

        Raises:
            ImageProblem: the file is damaged.
        """
        try:
            facts = self._path.stat()
        except FileNotFoundError:
            return {}
        seen = (facts.st_mtime_ns, facts.st_ino)
        if seen != self._seen:
            self._own, self._seen = _read(self._path), seen
        return self._own

    def register(self, name: str, image: OwnImage) -> None:
        """Add or replace an image of the user's own; on disk when this returns.

        Raises:
            ImageProblem: the name is none, or the file is damaged.
        """
        if parse_image(name) is None:
            raise ImageProblem(f"{name!r} is no image name; allowed: [registry/]repository[:tag], lower case")
        with self._change() as own:
            own[name] = image

    def forget(self, name: str) -> bool:
        """Remove an image of the user's own; whether there was one."""
        with self._change() as own:
            return own.pop(name, None) is not None

    @contextmanager
    def _change(self) -> Generator[OwnImages, None, None]:
        """The registered images, to be changed; written when the block ends. One process at a time."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            own = _read(self._path) if self._path.exists() else {}
            yield own
            draft = self._path.with_suffix(".partial")
            with draft.open("wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(own), indent=2))
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, self._path)


def _read(path: Path) -> OwnImages:
    try:
        return msgspec.json.decode(path.read_bytes(), type=OwnImages)
    except msgspec.MsgspecError as error:
        raise ImageProblem(f"{path} is no list of images: {error}") from error
