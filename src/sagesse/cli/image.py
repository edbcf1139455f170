"""`sagesse image`: images of your own, run by a virtual environment or a program of this machine."""

import argparse
import os
import shlex
import shutil
from pathlib import Path

from rich.markup import escape

from sagesse.cli.command import Invocation
from sagesse.cli.failure import CommandFailed, Exit
from sagesse.engines.image import ImageProblem
from sagesse.engines.image_registry import Images, OwnImage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See `Command.add_arguments`."""
    parser.add_argument("action", choices=("add", "remove", "list"), help="what to do")
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="[registry/]repository[:tag], as jobs name it"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--python", metavar="DIR", help="a virtual environment, or its python: runs the job's script"
    )
    how.add_argument("--command", metavar="PROGRAM", help="a program with arguments; called with `train`")


def run(invocation: Invocation) -> int:
    """See `Command.run`."""
    options, settings, screen = invocation
    images = Images(settings.folder / "images.json")
    try:
        if options.action == "list":
            own = images.own()
            facts = {name: _facts(image) for name, image in sorted(own.items())}
            screen.result({"images": facts}, *(_words(name, image) for name, image in sorted(own.items())))
        elif options.name is None:
            raise CommandFailed(f"image {options.action} needs a NAME", code=Exit.USAGE)
        elif options.action == "add":
            image = _image(options)
            images.register(options.name, image)
            screen.result({"name": options.name, **_facts(image)}, _words(options.name, image))
        elif not images.forget(options.name):
            raise CommandFailed(f"no image of yours is named {options.name!r}", fix="sagesse image list")
        else:
            screen.result({"removed": options.name}, f"{escape(options.name)} is forgotten.")
    except ImageProblem as problem:
        raise CommandFailed(str(problem)) from problem
    return Exit.DONE


def _image(options: argparse.Namespace) -> OwnImage:
    if options.python:
        return OwnImage(python=str(_interpreter(Path(options.python).expanduser().absolute())))
    if options.command:
        return OwnImage(command=_program(options.command))
    raise CommandFailed("image add needs --python DIR or --command PROGRAM", code=Exit.USAGE)


def _interpreter(path: Path) -> Path:
    """The interpreter of a virtual environment; the link in it is kept, for it says which environment it is."""
    python = path / "bin" / "python" if path.is_dir() else path
    if not os.access(python, os.X_OK):
        raise CommandFailed(f"{path} is no virtual environment: {python} cannot be executed")
    return python


def _program(text: str) -> tuple[str, ...]:
    program, *arguments = shlex.split(text) or [""]
    found = shutil.which(program)
    if found is None:
        raise CommandFailed(f"{program!r} is no program of this machine", fix="Give its path.")
    return (os.path.abspath(found), *arguments)


def _facts(image: OwnImage) -> dict[str, object]:
    return {"python": image.python} if image.python else {"command": list(image.command)}


def _words(name: str, image: OwnImage) -> str:
    runs = image.python or f"{shlex.join(image.command)} train"
    return f"[bold]{escape(name)}[/] runs {escape(runs)}"
