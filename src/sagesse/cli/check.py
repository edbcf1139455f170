"""The checks of `sagesse doctor`: each looks at one thing and finds nothing worse than it is."""

import contextlib
import fcntl
import importlib.util
import os
import platform
import resource
import socket
import sqlite3
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from sagesse.cli.check_data import check_damage, check_disk, nearest
from sagesse.cli.finding import Finding
from sagesse.cli.instance import env_command, find
from sagesse.config import Settings
from sagesse.runtime.sandbox import Level, probe

_LEAST_FILES = 1024
_WRITTEN = 1_750_000_000  # mid 2025: a clock before this is wrong
_SKEW_S = 300.0
_EXTRAS: Mapping[str, tuple[Sequence[str], str]] = {
    "ml": (("numpy", "xgboost"), "the xgboost algorithm"),
    "deep": (("numpy", "torch", "PIL"), "image-classification and the demo"),
    "sklearn": (("sklearn", "pandas"), "the scikit-learn image"),
    "sql": (("duckdb",), "SelectObjectContent of S3"),
}


def check_python(_: Settings) -> Iterator[Finding]:
    """Python and operating system."""
    if sys.platform != "linux" or sys.maxsize < 1 << 32:
        yield Finding("python", "broken", platform.platform(), "Use 64-bit Linux.")
    else:
        yield Finding(
            "python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
        )


def check_isolation(_: Settings) -> Iterator[Finding]:
    """How far jobs are kept apart; tried, as the first job would."""
    with tempfile.TemporaryDirectory() as folder:
        level = probe(Path(folder))
    fix = (
        "Allow user namespaces: sysctl -w user.max_user_namespaces=15000 kernel.unprivileged_userns_clone=1 "
        "kernel.apparmor_restrict_unprivileged_userns=0 (those that exist); in a container, a looser seccomp profile."
    )
    match level:
        case Level.FULL:
            yield Finding("isolation", "ok", "level 1: jobs have their own paths, processes and network")
        case Level.SHARED_PIDS:
            text = "level 2: jobs have their own paths and network, but see other processes of this user"
            yield Finding("isolation", "warn", text, fix)
        case Level.NONE:
            text = "level 3: jobs see this machine; /opt/ml is rewritten for them, EnableNetworkIsolation refused"
            yield Finding("isolation", "warn", text, fix)


def check_data_dir(settings: Settings) -> Iterator[Finding]:
    """Whether the data directory can be used, and by its owner only."""
    folder = settings.folder
    if not folder.exists():
        yield _check_parent(folder)
        return
    facts = folder.stat()
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(
            "data directory", "broken", f"{folder} cannot be written", f"sudo chown -R $USER {folder}"
        )
    elif unwritable := [path for path in folder.glob("*.db*") if not os.access(path, os.R_OK | os.W_OK)]:
        text = f"{unwritable[0]} cannot be written"
        yield Finding("data directory", "broken", text, f"sudo chown -R $USER {folder}")
    elif facts.st_uid != os.geteuid():
        text = f"{folder} belongs to user id {facts.st_uid}, not to you"
        yield Finding("data directory", "warn", text, f"sudo chown -R $USER {folder}")
    elif facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        text = f"{folder} holds keys and others may look into it"
        yield Finding("data directory", "warn", text, f"chmod 700 {folder}")
    else:
        yield Finding("data directory", "ok", f"{folder}")


def _check_parent(folder: Path) -> Finding:
    """Whether a folder that is not there yet can be made; tried nearby."""
    parent = nearest(folder)
    try:
        with tempfile.TemporaryDirectory(dir=parent, prefix=".sagesse-"):
            return Finding("data directory", "ok", f"{folder} will be made")
    except OSError as error:
        fix = "Choose another with --data-dir or SAGESSE_DATA_DIR."
        return Finding("data directory", "broken", f"{folder} cannot be made: {error}", fix)


def check_file_system(settings: Settings) -> Iterator[Finding]:
    """Locks and SQLite's write-ahead log, which some network file systems lack."""
    base = nearest(settings.folder)
    fix = "Put the data directory on a local disk."
    try:
        with tempfile.TemporaryDirectory(dir=base, prefix=".sagesse-") as folder:
            with (Path(folder) / "lock").open("wb") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.closing(sqlite3.connect(Path(folder) / "try.db")) as database:
                mode = database.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    except (OSError, sqlite3.Error) as error:
        yield Finding("file system", "broken", f"{base}: {error}", fix)
        return
    if mode != "wal":
        yield Finding("file system", "broken", f"{base} has no write-ahead log (SQLite says {mode!r})", fix)
    else:
        yield Finding("file system", "ok", "locks and SQLite's write-ahead log work")


def check_objects(settings: Settings) -> Iterator[Finding]:
    """Whether the other S3 that payloads are to be kept in works; tried."""
    if not settings.objects_url:
        return
    from sagesse.app import remote_place  # noqa: PLC0415 - seconds that only this check needs
    from sagesse.engines.objects.remote import RemoteUnusable, try_place  # noqa: PLC0415

    place = remote_place(settings)
    if place is None:
        return
    try:
        has_versions = try_place(place)
    except RemoteUnusable as unusable:
        yield Finding("objects", "broken", unusable.message, unusable.fix)
        return
    if has_versions:
        text = f"{place!r} keeps versions: payloads of deleted objects stay there as such"
        yield Finding(
            "objects", "warn", text, "Suspend versions there, or have a lifecycle rule expire them."
        )
    else:
        yield Finding("objects", "ok", f"payloads can be kept in {place!r}")


def check_port(settings: Settings) -> Iterator[Finding]:
    """Whether the port is free, or ours."""
    instance = find(settings.folder)
    facts = instance.facts if instance else None
    if facts is not None and settings.port in {facts.port, 0}:
        yield Finding("port", "ok", f"our server answers at {facts.url} (process {facts.pid})")
        return
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((settings.host, settings.port))
    except (OSError, OverflowError) as error:
        text = f"{settings.host}:{settings.port} cannot be listened on: {error}"
        yield Finding("port", "broken", text, "Choose another: --port or SAGESSE_PORT (0 takes a free one).")
    else:
        yield Finding("port", "ok", f"{settings.host}:{settings.port} is free")


def check_extras(_: Settings) -> Iterator[Finding]:
    """The heavy optional parts; looked for, not imported."""
    for extra, (modules, use) in _EXTRAS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        if missing:
            text = f"{', '.join(missing)} not installed; {use} will not run"
            yield Finding(f"extra {extra}", "warn", text, f"pip install 'sagesse[{extra}]'")
        else:
            yield Finding(f"extra {extra}", "ok", f"{', '.join(modules)} installed")


def check_job_engine(settings: Settings) -> Iterator[Finding]:
    """Whether Ray is there when jobs need it; the cluster is not tried, which would take long."""
    if settings.job_engine != "ray":
        return
    if importlib.util.find_spec("ray") is None:
        text = "job_engine is ray, and Ray is not installed: the server will not start"
        yield Finding("job engine", "broken", text, "pip install 'sagesse[ray]'")
    else:
        yield Finding("job engine", "ok", f"Ray is installed; the cluster is {settings.ray_address}")


def check_clock(settings: Settings) -> Iterator[Finding]:
    """Whether time goes forward: signatures, sessions and histories depend on it."""
    now = time.time()
    newest = max((path.stat().st_mtime for path in settings.folder.glob("*.db*")), default=0.0)
    if now < _WRITTEN or newest > now + _SKEW_S:
        text = f"it is {time.strftime('%Y-%m-%d %H:%M', time.gmtime(now))} UTC here, but the data says later"
        yield Finding("clock", "broken", text, "Set the clock, for instance with timedatectl set-ntp true.")
    else:
        yield Finding("clock", "ok", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now)))


def check_open_files(_: Settings) -> Iterator[Finding]:
    """The limit of open files: connections, objects and jobs need them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _LEAST_FILES:
        yield Finding("open files", "warn", f"at most {soft}", f"ulimit -n {min(hard, 65536)}")
    else:
        yield Finding("open files", "ok", f"at most {soft}")


def check_environment(settings: Settings) -> Iterator[Finding]:
    """Whether this shell's AWS clients go to this server."""
    instance = find(settings.folder)
    url = instance.facts.url if instance and instance.facts else ""
    here = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
    fix = env_command(str(settings.folder))
    if here and url and here != url:
        yield Finding("environment", "warn", f"AWS_ENDPOINT_URL is {here}, the server is at {url}", fix)
    elif here and not url:
        text = f"AWS_ENDPOINT_URL is {here}, and no server has {settings.folder}"
        yield Finding("environment", "warn", text, "sagesse up --detach, then " + fix)
    elif url and not here:
        yield Finding("environment", "ok", f"AWS clients of this shell do not come here yet: {fix}")
    else:
        yield Finding("environment", "ok", "AWS clients of this shell come here" if here else "not set")


CHECKS: Sequence[Callable[[Settings], Iterator[Finding]]] = (
    check_python,
    check_isolation,
    check_data_dir,
    check_file_system,
    check_disk,
    check_damage,
    check_objects,
    check_port,
    check_extras,
    check_job_engine,
    check_clock,
    check_open_files,
    check_environment,
)
