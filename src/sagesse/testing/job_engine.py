"""What every job engine must do. Subclass `JobEngineConformance`, give it the fixture `engine`, and run pytest.

The jobs of these checks are `/bin/sh` scripts, so an engine needs nothing but a POSIX system for them.
"""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sagesse.engines.jobs.base import Command, JobEngine, Plan, Run
from sagesse.engines.jobs.log import read_log

_DEADLINE_S = 30.0
ENDLESS = "while :; do sleep 0.05; done"
"""A job that must be stopped; it hears SIGTERM within 50 ms."""


def shell(text: str, run_id: str | None = None, /, **limits: object) -> Plan:
    """A plan that runs `text` in ``/bin/sh``; `limits` are further fields of `Plan`."""
    name = run_id or f"run-{uuid.uuid4().hex}"
    return Plan(name, Command(("/bin/sh", "-c", text)), **limits)  # pyright: ignore[reportArgumentType]


def finish(engine: JobEngine, plan: Plan) -> Run:
    """Run `plan` to its end."""
    engine.ensure(plan)
    run = engine.wait(plan.run_id, _DEADLINE_S)
    assert run.is_final, f"the run did not end within {_DEADLINE_S} s: {run}"
    return run


def output(run: Run) -> list[str]:
    """The lines that a run wrote."""
    return [line.text for line in read_log(run.log)[0]]


def wait_for_line(run: Run, text: str) -> None:
    """Wait until a running job has written `text` as a line of its own."""
    pause = threading.Event()
    for _ in range(int(_DEADLINE_S / 0.005)):
        if text in output(run):
            return
        pause.wait(0.005)
    raise AssertionError(f"the job never wrote {text!r}; it wrote {output(run)}")


class JobEngineConformance:
    """The checks; each is one fact about the engine."""

    def test_exit_code_is_the_jobs(self, engine: JobEngine) -> None:
        run = finish(engine, shell("exit 3"))
        assert (run.state, run.exit_code, run.reason, run.signal) == ("exited", 3, "exit", None)

    def test_a_signal_is_told_and_is_exit_code_128_and_more(self, engine: JobEngine) -> None:
        run = finish(engine, shell("kill -9 $$"))
        assert (run.exit_code, run.signal, run.reason) == (137, 9, "exit")

    def test_a_missing_program_is_exit_code_127(self, engine: JobEngine) -> None:
        run = finish(engine, Plan(f"run-{uuid.uuid4().hex}", Command(("no-such-program",))))
        assert (run.exit_code, run.reason) == (127, "exit")
        assert "no-such-program" in "".join(output(run))

    def test_times_are_in_order(self, engine: JobEngine) -> None:
        run = finish(engine, shell(":"))
        assert run.started is not None
        assert run.ended is not None
        assert run.started <= run.ended

    def test_stdout_and_stderr_are_logged_line_by_line_with_times(self, engine: JobEngine) -> None:
        run = finish(engine, shell("echo one; echo two >&2; printf three"))
        lines, _ = read_log(run.log)
        assert [line.text for line in lines] == ["one", "two", "three"]
        assert run.ended is not None
        assert all(abs(line.time_ms / 1000 - run.ended) < _DEADLINE_S for line in lines)

    def test_the_environment_is_the_plans(self, engine: JobEngine) -> None:
        run = finish(engine, shell('echo "$GREETING"', environment={"GREETING": "hello, world"}))
        assert output(run) == ["hello, world"]

    def test_a_run_never_heard_of_is_preparing(self, engine: JobEngine) -> None:
        assert engine.look("never-heard-of").state == "preparing"

    def test_ensure_again_does_not_run_again(self, engine: JobEngine) -> None:
        plan = shell("echo ran")
        first = finish(engine, plan)
        assert engine.ensure(plan) == first
        assert output(first) == ["ran"]

    def test_concurrent_ensures_run_once(self, engine: JobEngine) -> None:
        plan = shell("echo ran")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(engine.ensure, [plan] * 16))
        assert output(engine.wait(plan.run_id, _DEADLINE_S)) == ["ran"]

    def test_two_runs_each_see_their_own_files(self, engine: JobEngine) -> None:
        plans = [shell('cat "$BASE/input"', environment={"BASE": "/opt/ml"}) for _ in range(2)]
        for number, plan in enumerate(plans):
            folder = engine.folder(plan.run_id) / "ml"
            folder.mkdir(exist_ok=True)
            (folder / "input").write_text(f"file {number}\n")
            engine.ensure(plan)
        assert [output(engine.wait(plan.run_id, _DEADLINE_S)) for plan in plans] == [["file 0"], ["file 1"]]

    def test_what_a_job_writes_is_in_its_folder(self, engine: JobEngine) -> None:
        plan = shell('echo weights > "$OUT"', environment={"OUT": "/opt/ml/model"})
        finish(engine, plan)
        assert (engine.folder(plan.run_id) / "ml/model").read_text() == "weights\n"

    def test_stop_lets_the_job_end_in_its_own_way(self, engine: JobEngine) -> None:
        plan = shell(f"trap 'echo bye; exit 5' TERM; echo up; {ENDLESS}")
        wait_for_line(engine.ensure(plan), "up")
        engine.stop(plan.run_id)
        engine.stop(plan.run_id)
        run = engine.wait(plan.run_id, _DEADLINE_S)
        assert (run.state, run.reason, run.exit_code) == ("exited", "stopped", 5)
        assert output(run)[-1] == "bye"  # the shell may tell of its ended `sleep` before

    def test_a_job_that_ignores_stop_is_killed_after_its_grace(self, engine: JobEngine) -> None:
        plan = shell(f"trap '' TERM; echo up; {ENDLESS}", stop_grace_s=0.1)
        wait_for_line(engine.ensure(plan), "up")
        engine.stop(plan.run_id)
        run = engine.wait(plan.run_id, _DEADLINE_S)
        assert (run.reason, run.signal) == ("stopped", 9)

    def test_a_run_stopped_before_it_started_never_runs(self, engine: JobEngine) -> None:
        plan = shell("echo ran")
        engine.stop(plan.run_id)
        run = engine.ensure(plan)
        assert (run.state, run.reason, run.exit_code) == ("exited", "stopped", None)
        assert output(run) == []

    def test_max_runtime_ends_the_job(self, engine: JobEngine) -> None:
        run = finish(engine, shell(ENDLESS, max_runtime_s=0.1))
        assert (run.reason, run.signal) == ("max_runtime", 15)

    def test_nothing_of_the_job_stays_behind(self, engine: JobEngine) -> None:
        plan = shell('(trap "" TERM; exec > /dev/null 2>&1; while :; do date +%N > "$M"; done) & echo done')
        plan = Plan(plan.run_id, plan.entry, environment={"M": "/opt/ml/mark"})
        finish(engine, plan)
        mark = engine.folder(plan.run_id) / "ml/mark"
        mark.unlink(missing_ok=True)
        threading.Event().wait(0.05)  # an orphan would write its mark again within a few milliseconds
        assert not mark.exists()

    def test_wait_gives_up_in_time(self, engine: JobEngine) -> None:
        plan = shell(ENDLESS)
        engine.ensure(plan)
        assert not engine.wait(plan.run_id, 0.01).is_final
        engine.discard(plan.run_id)

    def test_watch_tells_of_the_end_once_it_can_be_seen(self, engine: JobEngine) -> None:
        seen: dict[str, Run] = {}
        told = threading.Event()

        def note(run_id: str) -> None:
            if run_id == plan.run_id:
                seen[run_id] = engine.look(run_id)
                told.set()

        plan = shell("exit 4")
        engine.watch(note)
        engine.ensure(plan)
        assert told.wait(_DEADLINE_S)
        assert (list(seen), seen[plan.run_id].exit_code) == ([plan.run_id], 4)

    def test_discard_ends_the_run_and_removes_its_folder(self, engine: JobEngine) -> None:
        plan = shell(f"trap '' TERM; {ENDLESS}")
        engine.ensure(plan)
        folder: Path = engine.folder(plan.run_id)
        engine.discard(plan.run_id)
        engine.discard(plan.run_id)
        assert not folder.exists()
        assert plan.run_id not in engine.runs()
