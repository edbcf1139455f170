"""A job's own view of the machine: its folders at fixed paths, its processes, its network.

Two steps, because a new pid namespace holds only the children of the process that asked for it: the
supervisor calls `enter`, and its child, the job, calls `build` before it does anything else.
"""

import errno
import os
import re
import signal
import socket
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

from sagesse.runtime import linux
from sagesse.runtime.first_process import FirstProcess
from sagesse.runtime.folder_copy import copy_folder
from sagesse.runtime.network import enter_network
from sagesse.runtime.plan import Command, Plan

TEMPORARY = "/opt/tmp"
"""A short path, because those of sockets have 107 bytes at most and multiprocessing makes sockets in TMPDIR."""


class Level(IntEnum):
    """How far a job is kept apart from the machine; a smaller number is further apart."""

    FULL = 1
    """Own paths, own processes, no capabilities; own network when asked for."""
    SHARED_PIDS = 2
    """As FULL, but it sees (and may signal) other processes of the same user."""
    NONE = 3
    """No namespaces: paths are rewritten in the command, its arguments and its variables."""


class Layer(NamedTuple):
    """Where what a job changes of a folder goes, so that the folder itself stays as it is.

    Attributes:
        work: an empty folder beside `changes` that the kernel needs.
    """

    changes: Path
    work: Path


class View(NamedTuple):
    """What a job sees.

    Attributes:
        mounts: path inside -> folder outside.
        hidden: paths that show nothing, but for what is `shown` of them.
        shown: folders that keep their path though a folder above them may be hidden.
        layers: of `mounts`, those that stay as they are whatever the job does.
        read_only: of `mounts`, those that the job cannot write to.
        foreign: of `mounts`, those whose folders are not ours: no link may lead elsewhere.
        temporary: the job's own folder for temporary files, which it finds at `TEMPORARY`.
    """

    mounts: Mapping[str, Path]
    hidden: tuple[str, ...]
    shown: tuple[Path, ...]
    hosts: Path
    hostname: str
    layers: Mapping[str, Layer] = {}
    read_only: frozenset[str] = frozenset()
    foreign: frozenset[str] = frozenset()
    temporary: Path | None = None


class SandboxRefused(Exception):  # noqa: N818 - a refusal, not a failure
    """The machine cannot give the isolation that was asked for."""


def probe(folder: Path) -> Level:
    """The furthest level this machine gives to a job whose files are under `folder`; tried, not guessed."""
    for level in (Level.FULL, Level.SHARED_PIDS):
        if _succeeds_in_child(level, folder):
            return level
    return Level.NONE


def enter(level: Level, folder: Path, plan: Plan) -> FirstProcess | None:
    """Leave the machine's user (and pid, and network) namespace; children of the caller live in the new ones.

    Returns the first process of the new pid namespace, where there is one.

    Args:
        level: how far apart.
        folder: of the run.
        plan: says whether the network is left, and with which other runs.

    Raises:
        SandboxRefused: the plan asks for what needs namespaces, and there are none.
        OSError: the kernel refused a step.
    """
    if level == Level.NONE:
        _refuse(plan)
        return None
    if plan.isolate_network:
        enter_network(folder, [folder.parent / peer for peer in plan.peers])
    else:
        linux.enter_user_namespace()
    if level != Level.FULL:
        return None
    linux.unshare(linux.NEW_PID)
    return FirstProcess()


def build(level: Level, view: View) -> None:
    """Lay out what the job sees, then give up the power to change it.

    Raises:
        OSError: the kernel refused a step.
    """
    if level == Level.NONE:
        return
    linux.unshare(linux.NEW_NS | linux.NEW_IPC | linux.NEW_UTS)
    linux.mount("", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    socket.sethostname(view.hostname)
    _bind_all(view)
    if level == Level.FULL:
        linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    linux.drop_privileges()


def flatten(view: View) -> View:
    """The view of a job without namespaces: what belongs below another of its folders is put there.

    What the job may not change is copied; a folder of others becomes a link.

    Raises:
        SandboxRefused: a folder of others was to be read-only or is behind a link, or there is none above.
    """
    mounts = dict(view.mounts)
    for inside in {*view.layers, *view.read_only, *view.foreign}:
        source, is_foreign = mounts.pop(inside), inside in view.foreign
        if is_foreign and (inside in view.read_only or os.path.realpath(source) != str(source)):
            raise SandboxRefused(
                f"{inside} cannot be kept read-only without user namespaces, or is behind a link"
            )
        target = _place_below(view.mounts, inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not is_foreign:
            copy_folder(source, target)
            continue
        if target.is_dir() and not target.is_symlink():
            target.rmdir()  # made for the mount that cannot be
        target.symlink_to(source)
    return view._replace(mounts=mounts)


def _place_below(mounts: Mapping[str, Path], inside: str) -> Path:
    above = [path for path in mounts if Path(path) in Path(inside).parents]
    if not above:
        raise SandboxRefused(f"{inside} is below no other folder of the job, and there are no namespaces")
    parent = max(above, key=len)
    return mounts[parent] / Path(inside).relative_to(parent)


def rewrite(text: str, mounts: Mapping[str, Path]) -> str:
    """`text` with every path inside replaced by the folder outside: what a job without its own view gets."""
    for inside in sorted(mounts, key=len, reverse=True):
        folder = str(mounts[inside])
        text = re.sub(rf"(?<![\w/.-]){re.escape(inside)}(?![\w.-])", lambda _, to=folder: to, text)
    return text


def _refuse(plan: Plan) -> None:
    wanted = "network isolation" if plan.isolate_network else "a job of several hosts" if plan.hosts else ""
    if wanted:
        raise SandboxRefused(f"{wanted} needs user namespaces, which this machine does not offer")


def _bind_all(view: View) -> None:
    shown = {str(folder): folder for folder in view.shown} if view.hidden else {}
    temporary = {TEMPORARY: view.temporary} if view.temporary else {}
    mounts = {**shown, **view.mounts, **temporary, "/etc/hosts": view.hosts}
    # Held open first: what is mounted here may cover the path a later source lies on.
    sources = {inside: _hold(outside, inside in view.foreign) for inside, outside in mounts.items()}
    layers = {inside: tuple(map(_hold, layer)) for inside, layer in view.layers.items()}
    for path in view.hidden:
        _hide(path)
    covered = {Path(path) for path in view.hidden}
    for inside in sorted(sources, key=len):
        target = Path(inside)
        if not target.exists():
            _make_mount_point(target, covered)
        if inside in layers:
            _lay_over(sources[inside], layers[inside], inside)
        else:
            linux.bind(f"/proc/self/fd/{sources[inside]}", inside)
        if inside in view.read_only:
            linux.make_read_only(inside)
        for held in (sources[inside], *layers.get(inside, ())):
            os.close(held)
        covered.add(target)  # what is missing below it is made in the job's own folder


def _hold(path: Path, is_foreign: bool = False) -> int:
    held = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if is_foreign and os.readlink(f"/proc/self/fd/{held}") != str(path):
        raise OSError(errno.ELOOP, f"{path} is behind a link now")
    return held


def _lay_over(source: int, layer: tuple[int, ...], target: str) -> None:
    """Show `source` at `target`, and keep what is changed there in `layer`."""
    names = zip(("lowerdir", "upperdir", "workdir"), (source, *layer), strict=True)
    options = ",".join(f"{name}=/proc/self/fd/{held}" for name, held in names)
    try:
        linux.mount("overlay", target, "overlay", linux.MS_NOSUID | linux.MS_NODEV, f"{options},userxattr")
    except OSError:  # this kernel or file system cannot: the job gets copies
        copy_folder(Path(f"/proc/self/fd/{source}"), Path(f"/proc/self/fd/{layer[0]}"))
        linux.bind(f"/proc/self/fd/{layer[0]}", target)


def _make_mount_point(target: Path, covered: set[Path]) -> None:
    """Make the folder `target` appear without touching the disk: cover its nearest folder with a copy in memory."""
    base = next(parent for parent in target.parents if parent.is_dir())
    if base == Path("/"):
        raise OSError(errno.ENOENT, f"no folder to put {target} in")
    if not any(done == base or done in base.parents for done in covered):
        _cover(base)
        covered.add(base)
    target.mkdir(parents=True)


def _cover(base: Path) -> None:
    kept = [(entry, os.open(entry, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)) for entry in base.iterdir()]
    links = {entry: os.readlink(entry) for entry, _ in kept if entry.is_symlink()}
    folders = {entry for entry, _ in kept if entry.is_dir()}
    linux.mount("tmpfs", str(base), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755,size=1m")
    for entry, held in kept:
        if entry in links:
            entry.symlink_to(links[entry])
        else:
            entry.mkdir() if entry in folders else entry.touch()
            linux.bind(f"/proc/self/fd/{held}", str(entry))
        os.close(held)


def _hide(path: str) -> None:
    if Path(path).is_dir():
        linux.mount("tmpfs", path, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=700,size=1m")
    elif Path(path).exists():
        linux.bind("/dev/null", path)


def _succeeds_in_child(level: Level, folder: Path) -> bool:
    child = os.fork()
    if child == 0:
        os._exit(_try(level, folder))
    return os.waitpid(child, 0)[1] == 0


def _try(level: Level, folder: Path) -> int:
    """0 when a job at `level` would come up; runs in a process of its own."""
    try:
        enter(level, folder, Plan("probe", Command(())))
        inner = os.fork()
        if inner == 0:
            linux.die_with_parent(signal.SIGKILL)
            build(level, View({"/opt/ml": folder}, (), (), Path("/dev/null"), "probe"))
            os.listdir("/opt/ml")  # root without its capabilities may be kept out of a user's folder
            os._exit(0)
        return os.waitpid(inner, 0)[1] and 1
    except Exception:
        return 1
