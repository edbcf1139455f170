"""A job in a container of Podman or Docker: the same plan, with the engine's own isolation instead of ours."""

import os
from pathlib import Path

import msgspec

from sagesse.engines.container import Containers
from sagesse.engines.image import Recipe
from sagesse.engines.jobs.base import Command, Plan
from sagesse.runtime.thread_budget import VARIABLES


def contained(plan: Plan, recipe: Recipe, folder: Path, containers: Containers, *, shown: Path) -> Plan:
    """The plan of the program that runs `plan` in a container and removes it, however the run ends.

    Args:
        plan: its entry's `argv` begins with the entry point, which is empty for the image's own.
        folder: the run's folder, in which its mounts lie.
        shown: a file that the job sees at its own path.
    """
    if not isinstance(plan.entry, Command):
        raise TypeError("only programs run in containers")
    program, image = recipe.command
    entrypoint, *arguments = plan.entry.argv
    environment = {**dict.fromkeys(VARIABLES, str(plan.threads)), **plan.environment}
    name = f"sagesse-{plan.run_id}"
    argv = [program, "run", "--rm", "--pull", "never", "--name", name]
    argv += ["--network", "none" if plan.isolate_network else "host"]
    if os.geteuid() != 0 and Path(program).name == "docker":
        argv += [
            "--user",
            f"{os.geteuid()}:{os.getegid()}",
        ]  # else its files would be root's, not ours to remove
    if plan.hosts:
        argv += ["--hostname", plan.hostname]
        argv += [f"--add-host={name}:{address}" for name, address in plan.hosts.items()]
    for inside, outside in plan.mounts.items():
        argv += ["--volume", f"{folder / outside}:{inside}{':ro' if inside in plan.read_only else ''}"]
    argv += ["--volume", f"{shown}:{shown}:ro"]
    for variable in environment:
        argv += [
            "--env",
            variable,
        ]  # the value is in the program's own environment, not in the list of processes
    if entrypoint:
        argv += ["--entrypoint", entrypoint]
    return msgspec.structs.replace(
        plan,
        entry=Command(argv=(*argv, image, *arguments), cwd="/"),
        environment={**environment, **containers.variables},
        mounts={},
        private=(),
        read_only=(),
        isolate_network=False,
        hosts={},
        peers=(),
        is_contained=True,
        cleanup=(program, "rm", "--force", name),
    )
