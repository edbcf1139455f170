"""Training jobs on a Ray cluster, by unmodified boto3: logs, metrics, models, several hosts, and what is killed."""

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sagesse.testing.server import Server
from tests.services.sagemaker.flow import (
    BUCKET,
    PYTHON,
    artifact_names,
    log_lines,
    make_bucket,
    script_job,
    until,
)

from .cluster import Cluster, can_make_machines, configure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # the first test installs Ray
_DEADLINE_S = 300.0  # a worker of Ray alone takes seconds to start
_FINAL = {"Completed", "Failed", "Stopped"}


@pytest.fixture(scope="module")
def server(cluster: Cluster, ray: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps its data and runs jobs on the cluster, because a setting says so."""
    folder = tmp_path_factory.mktemp("server")
    configure(folder, cluster, job_cores=2, instance_scale=0.5)
    with Server(folder, ephemeral=False, python=str(ray)) as running:
        make_bucket(running)
        yield running


def soon(is_so: Callable[[], Any]) -> Any:
    return until(is_so, deadline_s=_DEADLINE_S)


def create(server: Server, name: str, source: str, **members: Any) -> None:
    server.client("sagemaker").create_training_job(**script_job(server, name, source, **members))


def describe(server: Server, name: str) -> dict[str, Any]:
    return server.client("sagemaker").describe_training_job(TrainingJobName=name)


def finished(server: Server, name: str) -> dict[str, Any]:
    soon(lambda: describe(server, name)["TrainingJobStatus"] in _FINAL)
    return describe(server, name)


def waiting(gate: Path) -> str:
    """Says that it runs, waits for the gate, writes a model."""
    return (
        "import os, time\n"
        "print('I run', flush=True)\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
        "open('/opt/ml/model/weights', 'w').write('1')\n"
        "print('I end', flush=True)\n"
    )


def has_driver(server: Server) -> bool:
    """Whether a driver lives: it holds its lock."""
    with (server.data_dir / "ray/driver.lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def instances(count: int) -> dict[str, Any]:
    return {"InstanceType": "ml.t3.medium", "InstanceCount": count, "VolumeSizeInGB": 1}


def test_a_job_has_its_log_its_metrics_and_its_model(server: Server) -> None:
    source = "print('loss=0.25;')\nopen('/opt/ml/model/weights', 'w').write('1')\n"
    metrics = [{"Name": "loss", "Regex": "loss=([0-9.]+);"}]
    algorithm = {"TrainingImage": PYTHON, "TrainingInputMode": "File", "MetricDefinitions": metrics}
    create(server, "whole", source, AlgorithmSpecification=algorithm)
    facts = finished(server, "whole")
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert log_lines(server, "whole") == ["loss=0.25;"]
    assert [(metric["MetricName"], metric["Value"]) for metric in facts["FinalMetricDataList"]] == [
        ("loss", 0.25)
    ]
    assert artifact_names(server, facts["ModelArtifacts"]["S3ModelArtifacts"]) == ["weights"]


def test_the_hosts_of_a_job_are_on_nodes_of_their_own_and_reach_each_other(server: Server) -> None:
    source = (
        "import os, socket, time\n"
        "host = os.environ['SM_CURRENT_HOST']\n"
        "address = (socket.gethostbyname('algo-1'), 4711)\n"
        "if host == 'algo-1':\n"
        "    with socket.create_server(address) as door:\n"
        "        peer, _ = door.accept()\n"
        "        print(peer.recv(100).decode(), flush=True)\n"
        "else:\n"
        "    for _ in range(1200):\n"
        "        try:\n"
        "            door = socket.create_connection(address)\n"
        "            break\n"
        "        except OSError:\n"
        "            time.sleep(0.1)\n"
        "    door.sendall(b'hello from ' + host.encode())\n"
        "print(host, 'is', socket.gethostbyname(host))\n"
    )
    create(server, "pair", source, ResourceConfig=instances(2))
    facts = finished(server, "pair")
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    lines = set(log_lines(server, "pair"))
    assert "hello from algo-2" in lines
    places = {line.split()[-1] for line in lines if " is " in line}
    assert places == {"127.0.0.2", "127.0.0.3"}


def test_a_running_job_outlives_the_server_and_is_finished(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    create(server, "outlives", waiting(gate))
    soon(lambda: "I run" in log_lines(server, "outlives"))
    server.kill()
    soon(lambda: not has_driver(server))
    server.start()
    soon(lambda: has_driver(server))
    gate.touch()
    assert finished(server, "outlives")["TrainingJobStatus"] == "Completed"
    assert log_lines(server, "outlives") == ["I run", "I end"]
    server.client("s3").head_object(Bucket=BUCKET, Key="out/outlives/output/model.tar.gz")


def test_a_job_that_is_stopped_is_stopped(server: Server, tmp_path: Path) -> None:
    create(server, "stopped", waiting(tmp_path / "gate"))
    soon(lambda: "I run" in log_lines(server, "stopped"))
    server.client("sagemaker").stop_training_job(TrainingJobName="stopped")
    assert finished(server, "stopped")["TrainingJobStatus"] == "Stopped"


def test_a_job_whose_node_died_is_restarted_on_another_one(
    server: Server, cluster: Cluster, tmp_path: Path
) -> None:
    """Two jobs take the two nodes, one node dies: its job starts again when the other one has ended."""
    if not can_make_machines():
        pytest.skip(
            "this machine offers no user namespaces: what dies with a node would be the other one's too"
        )
    gates = {name: tmp_path / name for name in ("one", "two")}
    for name, gate in gates.items():
        again = {"MaximumRetryAttempts": 1}
        create(server, name, waiting(gate), RetryStrategy=again)
    for name in gates:
        soon(lambda name=name: "I run" in log_lines(server, name))
    cluster.nodes.pop().kill()
    soon(
        lambda: (
            any(describe(server, name)["SecondaryStatus"] == "Restarting" for name in gates)
            or again_of(server)
        )
    )
    for gate in gates.values():
        gate.touch()
    assert {finished(server, name)["TrainingJobStatus"] for name in gates} == {"Completed"}
    restarted = again_of(server)
    assert len(restarted) == 1
    assert log_lines(server, restarted[0]) == ["I run", "I run", "I end"]


def again_of(server: Server) -> list[str]:
    """Which of the two jobs was restarted."""
    transitions = {name: describe(server, name)["SecondaryStatusTransitions"] for name in ("one", "two")}
    return [name for name, found in transitions.items() if "Restarting" in {one["Status"] for one in found}]
