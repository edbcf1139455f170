"""What a job is asked to be: the plan the platform writes and the supervisor reads (``plan.json``)."""

import msgspec

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where jobs find the machine's programs."""


class Command(msgspec.Struct, frozen=True, tag="command"):
    """A foreign program, started with exec.

    Attributes:
        argv: the program and its arguments; the program is looked up in the job's PATH.
        cwd: working folder as the job sees it; None is ``/opt/ml/code`` when it is there, else ``/``.
    """

    argv: tuple[str, ...]
    cwd: str | None = None


class PythonEntry(msgspec.Struct, frozen=True, tag="python"):
    """A function of an importable module, called in a fork of the zygote: no interpreter start, no imports.

    Attributes:
        module: the module to import; `function` in it is called with `args` and answers None or an exit code.
        preload: modules the zygote has imported already (``("torch",)``); one zygote lives per set.
        environment: name of the interpreter, as the engine was configured; ``builtin`` is the platform's own.
        cwd: as in `Command`.
    """

    module: str
    function: str = "main"
    args: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    environment: str = "builtin"
    cwd: str | None = None


class Feed(msgspec.Struct, frozen=True):
    """A named pipe ``<path>_<epoch>`` that is filled from S3 while the job runs, from its beginning in each epoch.

    Attributes:
        path: without the epoch, under the run's folder.
        entries: what is sent, a file of `runtime.feed_list` under the run's folder.
        decompresses: objects are gzip files and are sent decompressed.
        wraps: each object and text becomes a RecordIO record.
        seed: entries are shuffled anew in each epoch, from this seed; None sends them in order.
        share_index, share_count: only this share of the (shuffled) entries is sent.
    """

    path: str
    entries: str
    decompresses: bool = False
    wraps: bool = False
    seed: int | None = None
    share_index: int = 0
    share_count: int = 1


class Plan(msgspec.Struct, frozen=True):
    """One run: what to start, what it sees, and its limits.

    Attributes:
        run_id: unique for ever; letters, digits, dot, dash and underscore.
        environment: the job's variables; PATH, HOME, TMPDIR, LANG, PYTHONUNBUFFERED and the thread limits are
            added when they are not given. Nothing of the server's environment is passed on.
        mounts: folder as the job sees it -> folder under the run's folder (or an absolute one).
        private: paths of `mounts` whose folders the job may write to without changing them.
        read_only: paths of `mounts` that the job cannot write to.
        feeds: pipes to fill; they read S3 with the file `feed.ACCESS` in the run's folder.
        max_runtime_s: after this the job gets SIGTERM, and SIGKILL after `stop_grace_s`.
        isolate_network: only a loopback interface of its own; refused where the machine cannot do it.
        hostname: what the job calls itself; it resolves to 127.0.0.1 inside, unless `hosts` says where.
        hosts: address by name, for names that resolve inside: the job's hosts, where it has several.
        peers: ids of the runs (whose folders exist) that share the network of an isolated run.
        threads: how many threads numerical libraries may use.
        has_own_python: it gets a Python environment of its own, on top of the platform's; not where it brings one.
        is_contained: the program makes a container of its own, so it runs as a process of this machine, unseen by
            our isolation.
        cleanup: a program that is run once the run has ended, however it ended; empty: none.
        keeper: process id of the supervisor's keeper; when that process ends, the run is ended at once, and lost.
        memory_bytes: proportional resident size of all the job's processes above which it is killed.
    """

    run_id: str
    entry: Command | PythonEntry
    environment: dict[str, str] = {}
    mounts: dict[str, str] = msgspec.field(default_factory=lambda: {"/opt/ml": "ml"})
    private: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    feeds: tuple[Feed, ...] = ()
    max_runtime_s: float | None = None
    stop_grace_s: float = 120.0
    isolate_network: bool = False
    hostname: str = "algo-1"
    hosts: dict[str, str] = {}
    peers: tuple[str, ...] = ()
    threads: int = 1
    has_own_python: bool = True
    memory_bytes: int | None = None
    keeper: int | None = None
    is_contained: bool = False
    cleanup: tuple[str, ...] = ()


decode_plan = msgspec.json.Decoder(Plan).decode
"""From ``plan.json``. The decoder is made once, before the forks that use it."""
