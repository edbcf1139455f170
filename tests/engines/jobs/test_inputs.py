"""What a run's inputs look like at each isolation level: layers, read-only folders, folders of others, pipes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagesse.engines.jobs.base import Feed, Plan, Run
from sagesse.engines.jobs.local import LocalJobs
from sagesse.runtime.feed import ACCESS
from sagesse.runtime.feed_list import write_entries
from sagesse.testing.job_engine import finish, output, shell, wait_for_line

DATA = "/opt/ml/data"


@pytest.fixture(scope="module", params=[1, 2, 3])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalJobs]:
    level: int = request.param
    jobs = LocalJobs(tmp_path_factory.mktemp(f"level-{level}"), best_level=level)
    yield jobs
    for run_id in jobs.runs():
        jobs.discard(run_id)
    jobs.stop_zygotes()
    jobs.close()


def prepared(engine: LocalJobs, plan: Plan, folder: str = "given") -> Path:
    """A folder of the run that holds one file, whose bytes something else shares."""
    given = engine.folder(plan.run_id) / folder
    (given / "deep").mkdir(parents=True)
    origin = engine.folder(plan.run_id) / "origin"
    origin.write_text("original")
    os.link(origin, given / "deep/file")
    return given


def run(engine: LocalJobs, script: str, **members: object) -> tuple[Run, Path]:
    mounts = {"/opt/ml": "ml", DATA: "given"}
    plan = shell(script.replace("DATA", DATA), mounts=mounts, **members)
    given = prepared(engine, plan)
    return finish(engine, plan), given


def test_what_a_job_changes_in_a_private_folder_stays_its_own(engine: LocalJobs) -> None:
    script = "cd DATA && cat deep/file && echo more >> deep/file && chmod 777 deep/file && cat deep/file && touch new"
    done, given = run(engine, script, private=(DATA,))
    assert output(done) == ["originaloriginalmore"]
    assert (given / "deep/file").read_text() == "original"
    assert (given.parent / "origin").read_text() == "original"
    assert [path.name for path in given.iterdir()] == ["deep"]


def test_what_is_removed_from_a_private_folder_stays(engine: LocalJobs) -> None:
    done, given = run(engine, "rm -r DATA/deep && ls DATA | wc -l", private=(DATA,))
    assert output(done) == ["0"]
    assert (given / "deep/file").exists()


def test_a_read_only_folder_cannot_be_written_or_costs_only_a_copy(engine: LocalJobs) -> None:
    done, given = run(engine, "cat DATA/deep/file; echo more >> DATA/deep/file", read_only=(DATA,))
    assert output(done)[0].startswith("original")
    assert (done.exit_code == 0) == (done.isolation_level == 3)  # without namespaces, it has a copy
    assert (given / "deep/file").read_text() == "original"


def test_a_foreign_folder_is_itself(engine: LocalJobs, tmp_path: Path) -> None:
    plan = shell(f"echo hello > {DATA}/new", mounts={"/opt/ml": "ml", DATA: str(tmp_path)})
    assert finish(engine, plan).exit_code == 0
    assert (tmp_path / "new").read_text() == "hello\n"


def test_a_foreign_folder_for_reading_is_never_writable(engine: LocalJobs, tmp_path: Path) -> None:
    mounts = {"/opt/ml": "ml", DATA: str(tmp_path)}
    done = finish(engine, shell(f"echo hello > {DATA}/new", mounts=mounts, read_only=(DATA,)))
    assert done.exit_code != 0
    assert done.reason == ("exit" if done.isolation_level < 3 else "setup")
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_place_of_a_foreign_folder_is_not_followed(engine: LocalJobs, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    done = finish(engine, shell(":", mounts={"/opt/ml": "ml", DATA: str(tmp_path / "link")}))
    assert (done.reason, done.exit_code) == ("setup", None)


def piped(engine: LocalJobs, script: str, *entries: list[str]) -> Plan:
    """A plan with a pipe ``/opt/ml/p`` that sends texts, so that no S3 is needed."""
    plan = shell(script, feeds=(Feed(path="ml/p", entries="list"),))
    write_entries(engine.folder(plan.run_id) / "list", entries)
    return plan


def test_a_pipe_is_filled_in_each_epoch(engine: LocalJobs) -> None:
    plan = piped(engine, "cat /opt/ml/p_0; cat /opt/ml/p_1; ls /opt/ml", ["a"], ["b", "c"])
    assert output(finish(engine, plan)) == ["abcabcp_2"]


def test_a_pipe_that_cannot_be_filled_ends_the_job(engine: LocalJobs) -> None:
    plan = piped(engine, "cat /opt/ml/p_0; echo end of data", ["a"])
    (engine.folder(plan.run_id) / "list").write_text("broken")
    done = finish(engine, plan)
    assert done.reason == "data"
    assert done.message.startswith("InternalServerError: Data download failed: ")
    assert "end of data" not in output(done)


def test_a_feeder_that_is_killed_ends_the_job(engine: LocalJobs) -> None:
    plan = piped(engine, "cat /opt/ml/p_0; echo up; cat /opt/ml/p_1 > /opt/ml/x; while :; do sleep 0.1; done")
    (engine.folder(plan.run_id) / "list").write_bytes(b'["x\\n"]\n')
    (engine.folder(plan.run_id) / ACCESS).write_text("{}")
    wait_for_line(engine.ensure(plan), "up")
    os.kill(_feeder(engine, plan.run_id), signal.SIGKILL)
    done = engine.wait(plan.run_id, 30)
    assert (done.reason, done.message.startswith("InternalServerError: ")) == ("data", True)


def test_a_link_in_the_place_of_a_pipe_is_not_written_to(engine: LocalJobs, tmp_path: Path) -> None:
    target = tmp_path / "outside"
    target.write_text("mine")
    script = f"cd /opt/ml; rm -f p_1; cat p_0 > x; rm -f p_1 p_2; ln -s {target} p_1; ln -s {target} p_2; sleep 0.3"
    finish(engine, piped(engine, script, ["a"], ["b"]))
    assert target.read_text() == "mine"


def _feeder(engine: LocalJobs, run_id: str) -> int:
    """The supervisor's oldest child: it is forked before the job's init."""
    supervisor = (engine.folder(run_id) / "started").read_text().strip()
    return int(Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()[0])
