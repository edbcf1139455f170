"""The Ray engine over a cluster of this machine: the checks every engine passes, with and without shared files."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagesse.engines.jobs.base import Plan
from sagesse.engines.jobs.local import LocalJobs
from sagesse.engines.jobs.ray.engine import RayJobs
from sagesse.runtime import run_folder
from sagesse.testing.job_engine import ENDLESS, JobEngineConformance, finish, output, shell, wait_for_line
from tests.services.sagemaker.flow import until

from .cluster import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # the first test installs Ray
_DEADLINE_S = 120.0


def _jobs(root: Path, cluster: Cluster, python: Path, **options: Any) -> Iterator[RayJobs]:
    elsewhere = root / "node"
    jobs = RayJobs(root, cluster.address, node_root=str(elsewhere), python=str(python), **options)
    yield jobs
    for run_id in jobs.runs():
        jobs.discard(run_id)
    jobs.close()
    for folder in (root, *elsewhere.glob("*")):
        zygotes = LocalJobs(folder)
        zygotes.stop_zygotes()
        zygotes.close()


@pytest.fixture(scope="module")
def shared(cluster: Cluster, ray: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayJobs]:
    yield from _jobs(tmp_path_factory.mktemp("shared"), cluster, ray)


@pytest.fixture(scope="module")
def shipping(
    cluster: Cluster, ray: Path, tmp_path_factory: pytest.TempPathFactory, trusted: Path
) -> Iterator[RayJobs]:
    yield from _jobs(tmp_path_factory.mktemp("shipping"), cluster, ray, ships=True, shown=[trusted])


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that jobs are shown."""
    folder = tmp_path_factory.mktemp("trusted")
    (folder / "bundle").write_text("certificates\n")
    return folder


class TestConformance(JobEngineConformance):
    @pytest.fixture
    def engine(self, shared: RayJobs) -> RayJobs:
        return shared


class TestConformanceWithoutSharedFiles(JobEngineConformance):
    @pytest.fixture
    def engine(self, shipping: RayJobs) -> RayJobs:
        return shipping


def test_a_driver_that_was_killed_is_replaced(shared: RayJobs) -> None:
    plan = shell("echo up; while [ ! -e $GATE ]; do sleep 0.05; done", environment={"GATE": "/opt/ml/gate"})
    wait_for_line(shared.ensure(plan), "up")
    folder = shared.folder(plan.run_id)
    os.kill(int((folder.parents[1] / "driver.lock").read_text()), signal.SIGKILL)
    (folder / "ml/gate").touch()
    assert shared.wait(plan.run_id, _DEADLINE_S).exit_code == 0
    assert finish(shared, shell(":")).exit_code == 0


def test_a_run_whose_actor_was_killed_is_lost_and_its_processes_ended(shared: RayJobs) -> None:
    plan = shell(f"sleep 600 & echo up; {ENDLESS}")
    wait_for_line(shared.ensure(plan), "up")
    folder = shared.folder(plan.run_id)
    started = run_folder.read(folder / run_folder.PLAN, Plan)
    supervisor = run_folder.holder(folder)
    assert started is not None
    assert started.keeper is not None
    assert supervisor is not None
    os.kill(started.keeper, signal.SIGKILL)
    assert shared.wait(plan.run_id, _DEADLINE_S).state == "lost"
    until(lambda: run_folder.holder(folder) is None, deadline_s=_DEADLINE_S)
    assert shared.ensure(plan).state == "lost"


def test_what_a_running_job_writes_elsewhere_comes_before_its_end(shipping: RayJobs) -> None:
    plan = shell(
        f"echo 1 > $OUT; trap 'exit 0' TERM; {ENDLESS}", environment={"OUT": "/opt/ml/checkpoints/1"}
    )
    (shipping.folder(plan.run_id) / "ml/checkpoints").mkdir(parents=True)
    shipping.ensure(plan)
    until((shipping.folder(plan.run_id) / "ml/checkpoints/1").exists, deadline_s=_DEADLINE_S)
    assert not shipping.look(plan.run_id).is_final
    shipping.stop(plan.run_id)
    assert shipping.wait(plan.run_id, _DEADLINE_S).exit_code == 0


def test_a_job_elsewhere_sees_copies_of_what_it_is_shown(shipping: RayJobs, trusted: Path) -> None:
    seen = str(trusted / "bundle")
    run = finish(shipping, shell('cat "$SEEN"; echo other > "$SEEN"', environment={"SEEN": seen}))
    assert (run.exit_code, output(run)) == (0, ["certificates"])
    assert (trusted / "bundle").read_text() == "certificates\n"


def test_nothing_stays_on_a_node_whose_run_was_fetched(shipping: RayJobs) -> None:
    plan = shell("echo weights > $OUT", environment={"OUT": "/opt/ml/model"})
    finish(shipping, plan)
    node = shipping.folder(plan.run_id).parents[1] / "node"
    until(lambda: not list(node.rglob(f"{plan.run_id}*")), deadline_s=_DEADLINE_S)
