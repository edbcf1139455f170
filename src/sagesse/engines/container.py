"""Podman or Docker, where one of them is present: images it holds can be run although no recipe knows them.

Nothing is pulled: an image that the engine does not hold already is unknown.
"""

import shutil
import subprocess
from collections.abc import Mapping, Sequence

from sagesse.engines.image import Recipe, parse_image

_PROGRAMS = ("podman", "docker")
_ANSWER_S = 20.0
_SETTINGS = (
    "HOME",
    "PATH",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "CONTAINER_HOST",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
)


class Containers:
    """The container engines of this machine.

    Args:
        environment: where their settings are read; their programs are found by its PATH.
        programs: what they are called, the preferred one first.
    """

    def __init__(self, environment: Mapping[str, str], programs: Sequence[str] = _PROGRAMS) -> None:
        self.variables = {name: environment[name] for name in _SETTINGS if name in environment}
        self._programs = programs

    def find(self, uri: str) -> Recipe | None:
        """The recipe that runs an image in a container, if an engine holds it by its whole name or without registry."""
        image = parse_image(uri)
        if image is None:
            return None
        names = dict.fromkeys((uri, f"{image.repository}:{image.tag}"))
        for program in self._programs:
            path = shutil.which(program, path=self.variables.get("PATH"))
            held = next((name for name in names if path and self._holds(path, name)), None)
            if path and held:
                return Recipe("container", image.repository, command=(path, held))
        return None

    def _holds(self, program: str, name: str) -> bool:
        try:
            asked = [program, "image", "inspect", "--format", "{{.Id}}", name]
            done = subprocess.run(
                asked, env=self.variables, capture_output=True, timeout=_ANSWER_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0
