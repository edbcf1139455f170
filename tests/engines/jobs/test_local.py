"""The local job engine: the checks every engine passes, and what is its own."""

import json
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from sagesse.engines.jobs.base import JobEngineError, Plan, PythonEntry
from sagesse.engines.jobs.local import LocalJobs
from sagesse.runtime import run_folder
from sagesse.testing.job_engine import (
    ENDLESS,
    JobEngineConformance,
    finish,
    output,
    shell,
    wait_for_line,
)


def _jobs(root: Path, **options: object) -> Iterator[LocalJobs]:
    jobs = LocalJobs(root, **options)  # type: ignore[arg-type]
    yield jobs
    for run_id in jobs.runs():
        jobs.discard(run_id)
    jobs.stop_zygotes()
    jobs.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def engine(root: Path) -> Iterator[LocalJobs]:
    yield from _jobs(root)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[LocalJobs]:
    """An engine of its own folder, for tests that count or kill what is in it."""
    yield from _jobs(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalJobs]:
    yield from _jobs(tmp_path_factory.mktemp("shared"), best_level=2)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalJobs]:
    yield from _jobs(tmp_path_factory.mktemp("bare"), best_level=3)


class TestConformance(JobEngineConformance):
    pass


class TestConformanceWithSharedPids(JobEngineConformance):
    @pytest.fixture
    def engine(self, shared: LocalJobs) -> LocalJobs:
        return shared


class TestConformanceWithoutNamespaces(JobEngineConformance):
    """The last resort: paths are rewritten in the command and its variables."""

    @pytest.fixture
    def engine(self, bare: LocalJobs) -> LocalJobs:
        return bare


def _needs_namespaces(engine: LocalJobs) -> None:
    if finish(engine, shell(":")).isolation_level == 3:
        pytest.skip("this machine offers no user namespaces")


def test_a_job_sees_only_its_own_processes(engine: LocalJobs) -> None:
    run = finish(engine, shell("ls /proc | grep -c '^[0-9]'"))
    if run.isolation_level != 1:
        pytest.skip("this machine offers no pid namespaces")
    assert int(output(run)[0]) <= 5


def test_the_folder_is_at_its_path_and_its_neighbours_stay(engine: LocalJobs) -> None:
    _needs_namespaces(engine)
    before = {entry.name for entry in Path("/opt").iterdir()}
    run = finish(engine, shell("ls /opt"))
    assert set(output(run)) == before | {"ml", "tmp"}


def test_two_mounts_in_one_missing_folder(engine: LocalJobs) -> None:
    _needs_namespaces(engine)
    plan = shell(
        "echo a > /opt/one/two/x; echo b > /opt/one/three/x",
        mounts={"/opt/one/two": "a", "/opt/one/three": "b"},
    )
    finish(engine, plan)
    folder = engine.folder(plan.run_id)
    assert [(folder / name / "x").read_text() for name in ("a", "b")] == ["a\n", "b\n"]


def test_a_mount_inside_a_mount_leaves_the_outer_one_writable(engine: LocalJobs, tmp_path: Path) -> None:
    _needs_namespaces(engine)
    mounts = {"/opt/ml": "ml", "/opt/ml/model": str(tmp_path)}
    plan = shell("echo in > /opt/ml/model/in; echo out > /opt/ml/out", mounts=mounts)
    finish(engine, plan)
    assert (tmp_path / "in").read_text() == "in\n"
    assert (engine.folder(plan.run_id) / "ml/out").read_text() == "out\n"


def test_a_job_has_no_capabilities(engine: LocalJobs) -> None:
    _needs_namespaces(engine)
    run = finish(engine, shell("grep CapEff /proc/self/status; umount /opt/ml || echo refused"))
    assert output(run)[0].split() == ["CapEff:", "0" * 16]
    assert output(run)[-1] == "refused"


def test_a_job_knows_its_host_name_and_can_resolve_it(engine: LocalJobs) -> None:
    _needs_namespaces(engine)
    run = finish(engine, shell("hostname; getent hosts algo-7", hostname="algo-7"))
    assert output(run)[0] == "algo-7"
    assert output(run)[1].split() == ["127.0.0.1", "algo-7"]


def test_without_isolation_a_job_reaches_the_network_and_with_it_it_does_not(engine: LocalJobs) -> None:
    _needs_namespaces(engine)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        program = (
            f"python -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2)' 2>/dev/null"
        )
        open_run = finish(engine, shell(program))
        closed_run = finish(engine, shell(program, isolate_network=True))
    assert (open_run.exit_code, closed_run.exit_code) == (0, 1)


def test_an_isolated_job_still_has_a_loopback_of_its_own(engine: LocalJobs) -> None:
    _needs_namespaces(engine)
    program = (
        "import socket as s; a = s.create_server(('127.0.0.1', 0)); s.create_connection(a.getsockname())"
    )
    assert finish(engine, shell(f'python -c "{program}"', isolate_network=True)).exit_code == 0


def test_network_isolation_is_refused_where_it_cannot_be_had(tmp_path: Path) -> None:
    for jobs in _jobs(tmp_path, best_level=3):
        run = finish(jobs, shell("echo ran", isolate_network=True))
        assert (run.reason, run.exit_code, output(run)) == ("setup", None, [])
        assert "network isolation" in run.message


HOSTS = {"algo-1": "127.8.9.1", "algo-2": "127.8.9.2"}


def _pair(engine: LocalJobs, text: tuple[str, str], **limits: object) -> list[Plan]:
    """The plans of two hosts of one job, whose folders are there."""
    ids = [f"run-{uuid.uuid4().hex}" for _ in HOSTS]
    for run_id in ids:
        engine.folder(run_id)
    return [
        shell(text[number], run_id, hostname=name, hosts=HOSTS, peers=(ids[1 - number],), **limits)
        for number, (run_id, name) in enumerate(zip(ids, HOSTS, strict=True))
    ]


def _listen(port: str = "0") -> str:
    """A program that says hello to one caller at its own name, and tells the port in /opt/ml/port."""
    return (
        "import socket, os\n"
        f"s = socket.create_server((socket.gethostname(), {port}))\n"
        "open('/opt/ml/part', 'w').write(str(s.getsockname()[1]))\n"
        "os.rename('/opt/ml/part', '/opt/ml/port')\n"
        "s.accept()[0].sendall(b'hello from ' + s.getsockname()[0].encode())\n"
    )


CALL = (
    "import socket, os\n"
    "while not os.path.exists('/opt/ml/port'): pass\n"
    "c = socket.create_connection(('algo-1', int(open('/opt/ml/port').read())))\n"
    "print(c.recv(99).decode())\n"
)


def _python(program: str) -> str:
    return f"exec python -c {shlex.quote(program)}"


@pytest.mark.parametrize("isolated", [False, True])
def test_the_hosts_of_a_job_reach_each_other_by_name(engine: LocalJobs, isolated: bool) -> None:
    _needs_namespaces(engine)
    first, second = _pair(engine, (_python(_listen()), _python(CALL)), isolate_network=isolated)
    shared = engine.folder(first.run_id) / "ml"
    shared.mkdir()
    second = msgspec.structs.replace(second, mounts={"/opt/ml": str(shared)})
    engine.ensure(second)
    engine.ensure(first)
    assert output(engine.wait(second.run_id, 30)) == ["hello from 127.8.9.1"]
    assert engine.wait(first.run_id, 30).exit_code == 0


def test_isolated_hosts_reach_nothing_but_each_other(engine: LocalJobs) -> None:
    _needs_namespaces(engine)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        call = _python(f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)")
        plans = _pair(engine, (f"{call} 2>/dev/null", f"{call} 2>/dev/null"), isolate_network=True)
        for plan in plans:
            engine.ensure(plan)
        assert [engine.wait(plan.run_id, 30).exit_code for plan in plans] == [1, 1]


def test_an_isolated_host_starts_when_another_has_ended_already(engine: LocalJobs) -> None:
    _needs_namespaces(engine)
    first, second = _pair(engine, ("echo one", "echo two"), isolate_network=True)
    assert [output(finish(engine, plan)) for plan in (first, second)] == [["one"], ["two"]]


def test_isolated_hosts_share_their_network_and_nothing_else(engine: LocalJobs) -> None:
    if finish(engine, shell(":")).isolation_level != 1:
        pytest.skip("this machine offers no pid namespaces")
    look = "readlink /proc/self/ns/net; hostname; ls /proc | grep -c '^[0-9]'; echo done"
    first, second = _pair(engine, (f"{look}; {ENDLESS}", look), isolate_network=True)
    wait_for_line(engine.ensure(first), "done")
    theirs = [output(engine.look(first.run_id)), output(finish(engine, second))]
    engine.discard(first.run_id)
    assert theirs[0][0] == theirs[1][0]
    assert [lines[1] for lines in theirs] == ["algo-1", "algo-2"]
    assert all(int(lines[2]) <= 5 for lines in theirs)


def test_several_hosts_are_refused_without_namespaces(bare: LocalJobs) -> None:
    run = finish(bare, _pair(bare, ("echo ran", ":"))[0])
    assert (run.reason, output(run)) == ("setup", [])
    assert "several hosts" in run.message


def test_hidden_files_are_not_seen(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("s3cret")
    for jobs in _jobs(tmp_path / "jobs", hidden=[secret, secret / "key"]):
        _needs_namespaces(jobs)
        assert finish(jobs, shell(f"cat {secret}/key")).exit_code == 1


def test_a_job_keeps_its_own_folders_where_the_servers_are_hidden(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_text("s3cret")
    text = (
        f"touch $HOME/a $TMPDIR/b $SAGESSE_CACHE/c /opt/ml/d; "
        f"cat {tmp_path}/records.db; ls {tmp_path} {tmp_path}/jobs"
    )
    for jobs in _jobs(tmp_path / "jobs", hidden=[tmp_path]):
        _needs_namespaces(jobs)
        plan = shell(text)
        seen = output(finish(jobs, plan))
        folder = jobs.folder(plan.run_id)
        kept = [folder / "home/a", folder / "tmp/b", tmp_path / "jobs/cache/c", folder / "ml/d"]
        assert all(path.exists() for path in kept)
        assert "s3cret" not in "".join(seen)
        assert {"records.db", "zygotes"}.isdisjoint(seen)


def test_nothing_of_the_servers_environment_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-tell")
    for jobs in _jobs(tmp_path):
        run = finish(jobs, shell("env; cat /proc/1/environ /proc/self/environ | tr '\\0' '\\n'"))
        assert "do-not-tell" not in "\n".join(output(run))


def test_the_thread_budget_is_in_the_environment(engine: LocalJobs) -> None:
    run = finish(engine, shell("echo $OMP_NUM_THREADS $MKL_NUM_THREADS", threads=3))
    assert output(run) == ["3 3"]


def test_too_much_memory_is_told_as_such(engine: LocalJobs) -> None:
    program = "x = bytearray(200_000_000); input() if print('up') else __import__('time').sleep(60)"
    run = finish(engine, shell(f'python -c "{program}"', memory_bytes=100_000_000))
    assert (run.reason, run.exit_code) == ("oom", 137)
    assert "100000000" in run.message


def test_a_python_function_runs_in_a_fork(engine: LocalJobs) -> None:
    entry = PythonEntry("os", "system", ("echo from a fork; exit 0",))
    assert output(finish(engine, Plan("python-fork", entry))) == ["from a fork"]


def test_two_forks_draw_different_numbers(engine: LocalJobs) -> None:
    pytest.importorskip("numpy")
    code = "import numpy, random; print(numpy.random.random(), random.random())"
    entry = PythonEntry("builtins", "exec", (code,), preload=("numpy",))
    runs = [finish(engine, Plan(f"draw-{number}", entry)) for number in range(2)]
    first, second = (output(run)[0].split() for run in runs)
    assert set(first).isdisjoint(second)


def test_a_fork_ends_like_an_interpreter(engine: LocalJobs) -> None:
    code = (
        "import atexit, threading\n"
        "atexit.register(print, 'at exit')\n"
        "gate = threading.Event()\n"
        "threading.Thread(target=lambda gate=gate: (gate.wait(), print('thread'))).start()\n"
        "threading.Timer(0.01, gate.set).start()\n"
        "raise SystemExit('sorry')"
    )
    run = finish(engine, Plan("ends-well", PythonEntry("builtins", "exec", (code,))))
    assert (run.exit_code, output(run)) == (1, ["sorry", "thread", "at exit"])


def test_at_its_end_a_fork_tidies_up_what_is_its_own_and_not_what_was_preloaded(
    fresh: LocalJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import weakref\nkept = type('Kept', (), {})()\nweakref.finalize(kept, print, 'tidied up:', __name__)\n"
    for module in ("preloaded", "own"):
        (tmp_path / f"{module}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    entry = PythonEntry("builtins", "exec", ("import preloaded, own",), preload=("preloaded",))
    assert output(finish(fresh, Plan("tidy", entry))) == ["tidied up: own"]


def test_an_unknown_environment_is_refused(engine: LocalJobs) -> None:
    with pytest.raises(JobEngineError, match="builtin"):
        engine.ensure(Plan("nowhere", PythonEntry("os", environment="venus")))


@pytest.mark.parametrize("run_id", ["", "..", "a/b", ".hidden", "a" * 300])
def test_a_run_id_is_one_plain_name(engine: LocalJobs, run_id: str) -> None:
    with pytest.raises(ValueError, match="run id"):
        engine.folder(run_id)


def test_a_job_outlives_the_kill_of_its_submitter(root: Path, engine: LocalJobs) -> None:
    plan = shell(f"echo ran; {ENDLESS}", "orphaned")
    submitter = (
        "import os, sys\nfrom pathlib import Path\n"
        "from sagesse.engines.jobs.local import LocalJobs\n"
        "from sagesse.testing.job_engine import shell\n"
        "LocalJobs(Path(sys.argv[1])).ensure(shell(sys.argv[2], 'orphaned'))\n"
        "os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", submitter, str(root), plan.entry.argv[2]], check=False)  # type: ignore[union-attr]
    assert killed.returncode == -signal.SIGKILL
    run = engine.ensure(plan)
    wait_for_line(run, "ran")
    assert engine.look("orphaned").state == "running"
    engine.stop("orphaned")
    assert output(engine.wait("orphaned", 30)) == ["ran"]


def test_a_run_goes_on_when_its_zygote_is_killed(fresh: LocalJobs) -> None:
    plan = shell(f"trap 'exit 6' TERM; echo up; {ENDLESS}")
    wait_for_line(fresh.ensure(plan), "up")
    fresh.stop_zygotes()
    assert finish(fresh, shell("echo a new zygote")).exit_code == 0
    fresh.stop(plan.run_id)
    assert fresh.wait(plan.run_id, 30).exit_code == 6


def test_a_run_whose_supervisor_was_killed_is_lost_and_never_runs_again(fresh: LocalJobs) -> None:
    plan = shell(f"echo up; {ENDLESS}")
    wait_for_line(fresh.ensure(plan), "up")
    supervisor = run_folder.holder(fresh.folder(plan.run_id))
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    assert fresh.wait(plan.run_id, 30).state == "lost"
    assert fresh.ensure(plan).state == "lost"


def test_a_run_prepared_but_not_started_before_a_kill_is_started_by_the_next_ensure(fresh: LocalJobs) -> None:
    plan = shell("echo ran")
    run_folder.write(fresh.folder(plan.run_id) / run_folder.PLAN, plan)
    assert output(finish(fresh, plan)) == ["ran"]


@pytest.mark.parametrize("jobs", ["fresh", "shared", "bare"])
def test_a_run_whose_keeper_ended_is_ended_and_lost(request: pytest.FixtureRequest, jobs: str) -> None:
    engine: LocalJobs = request.getfixturevalue(jobs)
    with subprocess.Popen(["sleep", "600"]) as keeper:
        plan = shell(f"echo up; {ENDLESS}", keeper=keeper.pid)
        wait_for_line(engine.ensure(plan), "up")
        keeper.kill()
    assert engine.wait(plan.run_id, 30).state == "lost"
    assert engine.ensure(plan).state == "lost"


def test_a_run_whose_keeper_is_gone_never_starts(engine: LocalJobs) -> None:
    with subprocess.Popen(["true"]) as keeper:
        pass
    plan = shell("echo ran", keeper=keeper.pid)
    engine.ensure(plan)
    run = engine.wait(plan.run_id, 30)
    assert (run.state, output(run)) == ("lost", [])


def test_discard_removes_read_only_folders(fresh: LocalJobs) -> None:
    plan = shell("mkdir -p locked/in; touch locked/in/file; chmod -R a-w locked")
    finish(fresh, Plan(plan.run_id, plan.entry, mounts={"/opt/ml": "ml"}))
    fresh.discard(plan.run_id)
    assert fresh.runs() == []


def test_a_folder_with_a_very_long_path_works(tmp_path: Path) -> None:
    for jobs in _jobs(tmp_path / ("d" * 100) / ("e" * 100)):
        assert finish(jobs, shell("exit 2")).exit_code == 2


def test_a_broken_client_does_not_end_the_zygote(fresh: LocalJobs, tmp_path: Path) -> None:
    finish(fresh, shell(":"))
    (home,) = (tmp_path / "zygotes").iterdir()
    held = os.open(home, os.O_PATH)
    for content in (b"", b"{", json.dumps({"what": 1}).encode()):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"/proc/self/fd/{held}/zygote.sock")
            client.sendall(content)
    os.close(held)
    assert finish(fresh, shell("exit 7")).exit_code == 7


_OTHER_PYTHON = "/usr/bin/python3.11"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(not Path(_OTHER_PYTHON).exists(), reason="needs an interpreter that anyone may run")
def test_an_ordinary_user_gets_the_same_isolation(tmp_path_factory: pytest.TempPathFactory) -> None:
    import msgspec  # noqa: PLC0415 - only to find where it lies

    import sagesse  # noqa: PLC0415

    paths = [Path(module.__file__ or "").parent.parent for module in (sagesse, msgspec)]
    home = Path("/var/tmp") / f"sagesse-nobody-{os.getpid()}"
    home.mkdir()
    shutil.chown(home, "nobody")
    program = (
        "import sys; from pathlib import Path\n"
        "from sagesse.engines.jobs.local import LocalJobs\n"
        "from sagesse.testing.job_engine import *\n"
        "jobs = LocalJobs(Path(sys.argv[1]))\n"
        "mounts = {'/opt/ml': 'ml', '/opt/ml/own': 'own'}\n"
        "plan = shell('id -u; echo x > /opt/ml/own/x && ls /opt/ml/own', mounts=mounts, private=('/opt/ml/own',))\n"
        "run = finish(jobs, plan); said = output(run)\n"
        "jobs.discard(plan.run_id); jobs.stop_zygotes()\n"
        "print(run.isolation_level, run.exit_code, *said, *jobs.runs())"
    )
    try:
        done = subprocess.run(
            [_OTHER_PYTHON, "-c", program, str(home)],
            env={"PYTHONPATH": os.pathsep.join(map(str, paths)), "PATH": "/usr/bin:/bin"},
            user="nobody",
            group="nogroup",
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if "Permission denied" in done.stderr or "ModuleNotFoundError" in done.stderr:
        pytest.skip("the code is not readable for another user here")
    level, code, uid, *files = done.stdout.split()
    assert (code, uid, files) == ("0", "65534", ["x"]), done.stderr
    assert level == "1"


def test_a_run_that_cannot_be_set_up_says_why(fresh: LocalJobs) -> None:
    plan = shell("echo ran")
    (fresh.folder(plan.run_id) / "ml").write_text("a file where the folder must be")
    run = finish(fresh, plan)
    assert (run.reason, run.exit_code) == ("setup", None)
    assert "FileExistsError" in run.message


def test_a_stop_at_any_moment_of_the_start_ends_the_job(fresh: LocalJobs) -> None:
    plans = [shell(ENDLESS) for _ in range(20)]
    for number, plan in enumerate(plans):
        fresh.ensure(plan)
        threading.Event().wait(number / 2000)  # 0 to 10 ms: from before its namespaces to inside its loop
        fresh.stop(plan.run_id)
    runs = [fresh.wait(plan.run_id, 30) for plan in plans]
    assert {(run.state, run.reason) for run in runs} == {("exited", "stopped")}
    assert {run.signal for run in runs} <= {None, signal.SIGTERM}


@pytest.mark.slow
def test_a_submitter_killed_at_any_moment_never_makes_a_job_run_twice(root: Path, engine: LocalJobs) -> None:
    submitter = (
        "import sys\nfrom pathlib import Path\n"
        "from sagesse.engines.jobs.local import LocalJobs\n"
        "from sagesse.testing.job_engine import shell\n"
        "jobs = LocalJobs(Path(sys.argv[1])); print('up', flush=True)\n"
        "jobs.ensure(shell('echo ran', sys.argv[2]))"
    )
    for number in range(20):
        run_id = f"killed-{number}"
        with subprocess.Popen(
            [sys.executable, "-c", submitter, str(root), run_id], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            threading.Event().wait(number / 4000)  # 0 to 5 ms into `ensure`
            process.kill()
        assert output(finish(engine, shell("echo ran", run_id))) == ["ran"]


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs the program unshare")
def test_a_kernel_that_refuses_namespaces_is_noticed(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from sagesse.engines.jobs.local import LocalJobs\n"
        "from sagesse.testing.job_engine import *\n"
        "jobs = LocalJobs(Path(sys.argv[1])); run = finish(jobs, shell('ls -d /opt/ml'))\n"
        "print(run.isolation_level, run.exit_code, *output(run)); jobs.discard(run.log.parent.name)\n"
        "jobs.stop_zygotes()"
    )
    refuse = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" -c "$@"'
    command = ["unshare", "-Ur", "sh", "-c", refuse, sys.executable, program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "max_user_namespaces" in done.stderr:
        pytest.skip("this machine offers no user namespaces to begin with")
    level, code, folder = done.stdout.split()
    assert (level, code) == ("3", "0"), done.stderr
    assert folder.startswith(str(tmp_path))


@pytest.mark.slow  # the supervisor looks twice a minute
def test_a_job_whose_folder_was_thrown_away_ends(fresh: LocalJobs) -> None:
    plan = shell(f"echo up; {ENDLESS}")
    wait_for_line(fresh.ensure(plan), "up")
    folder = fresh.folder(plan.run_id)
    supervisor = run_folder.holder(folder)
    assert supervisor is not None
    ended = os.pidfd_open(supervisor)
    shutil.rmtree(folder)
    assert select.select([ended], [], [], 100)[0]
    os.close(ended)
