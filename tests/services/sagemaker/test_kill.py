"""kill -9 of the server in every non-final state: it goes on, nothing runs twice, nothing is lost."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xgboost

from sagesse.testing.server import Server

from .flow import (
    BUCKET,
    PYTHON,
    ROLE,
    XGBOOST,
    artifact_names,
    finished,
    log_lines,
    make_bucket,
    script_job,
    until,
)

TWO = {"InstanceType": "ml.t3.medium", "InstanceCount": 2, "VolumeSizeInGB": 1}
WHOLE = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}


@pytest.fixture(scope="module")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps its data, to be killed and started again."""
    with Server(tmp_path_factory.mktemp("durable"), ephemeral=False) as server:
        make_bucket(server)
        yield server


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that jobs wait for."""
    return tmp_path / "gate"


def waiting_script(gate: Path) -> str:
    """Says once that it runs, waits for the gate, writes a model."""
    return (
        "import os, time\n"
        "print('I run', flush=True)\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
        "open('/opt/ml/model/weights', 'w').write('1')\n"
        "print('I end', flush=True)\n"
    )


def restart(server: Server) -> None:
    server.kill()
    server.start()


def test_a_job_whose_server_died_right_after_create_runs_once(durable: Server, gate: Path) -> None:
    gate.touch()
    durable.client("sagemaker").create_training_job(**script_job(durable, "at-once", waiting_script(gate)))
    restart(durable)
    assert finished(durable, "at-once")["TrainingJobStatus"] == "Completed"
    assert log_lines(durable, "at-once") == ["I run", "I end"]


def test_a_running_job_outlives_the_server_and_is_finished(durable: Server, gate: Path) -> None:
    durable.client("sagemaker").create_training_job(**script_job(durable, "outlives", waiting_script(gate)))
    until(lambda: state(durable, "outlives") == "Training")
    until(lambda: "I run" in log_lines(durable, "outlives"))
    durable.kill()
    gate.touch()
    durable.start()
    facts = finished(durable, "outlives")
    assert facts["TrainingJobStatus"] == "Completed"
    assert log_lines(durable, "outlives") == ["I run", "I end"]
    durable.client("s3").head_object(Bucket=BUCKET, Key="out/outlives/output/model.tar.gz")


def test_a_waiting_job_keeps_its_place_and_the_running_one_its_cores(durable: Server, gate: Path) -> None:
    client = durable.client("sagemaker")
    script = waiting_script(gate)
    client.create_training_job(**script_job(durable, "holds", script, ResourceConfig=WHOLE))
    until(lambda: state(durable, "holds") == "Training")
    client.create_training_job(**script_job(durable, "queues", script, ResourceConfig=WHOLE))
    until(lambda: state(durable, "queues") == "Pending")
    restart(durable)
    assert state(durable, "queues") == "Pending"
    gate.touch()
    assert finished(durable, "holds")["TrainingJobStatus"] == "Completed"
    assert finished(durable, "queues")["TrainingJobStatus"] == "Completed"
    assert log_lines(durable, "queues") == ["I run", "I end"]


def test_a_job_that_is_stopping_is_stopped(durable: Server, gate: Path) -> None:
    client = durable.client("sagemaker")
    client.create_training_job(**script_job(durable, "stopping", waiting_script(gate)))
    until(lambda: state(durable, "stopping") == "Training")
    client.stop_training_job(TrainingJobName="stopping")
    restart(durable)
    assert finished(durable, "stopping")["TrainingJobStatus"] == "Stopped"


def test_a_processing_job_outlives_the_server_and_its_output_is_stored(durable: Server, gate: Path) -> None:
    script = waiting_script(gate).replace("/opt/ml/model", "/opt/ml/processing/out")
    place = {"S3Uri": f"s3://{BUCKET}/out", "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}
    folder = "/opt/ml/processing/code"
    code = {"S3Uri": f"s3://{BUCKET}/run.py", "LocalPath": folder, "S3DataType": "S3Prefix"}
    durable.client("s3").put_object(Bucket=BUCKET, Key="run.py", Body=script.encode())
    client = durable.client("sagemaker")
    client.create_processing_job(
        ProcessingJobName="processes",
        AppSpecification={"ImageUri": PYTHON, "ContainerEntrypoint": ["python3", f"{folder}/run.py"]},
        ProcessingInputs=[{"InputName": "code", "S3Input": code}],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": place}]},
        ProcessingResources={"ClusterConfig": WHOLE},
        RoleArn=ROLE,
    )
    restart(durable)
    until(lambda: "I run" in log_lines(durable, "processes", "/aws/sagemaker/ProcessingJobs"))
    durable.kill()
    gate.touch()
    durable.start()
    until(lambda: processing_state(durable, "processes") == "Completed")
    assert log_lines(durable, "processes", "/aws/sagemaker/ProcessingJobs") == ["I run", "I end"]
    durable.client("s3").head_object(Bucket=BUCKET, Key="out/weights")


def test_checkpoints_of_a_job_that_outlived_the_server_are_stored(durable: Server, gate: Path) -> None:
    script = waiting_script(gate).replace("/opt/ml/model", "/opt/ml/checkpoints")
    config = {"S3Uri": f"s3://{BUCKET}/kept"}
    durable.client("sagemaker").create_training_job(
        **script_job(durable, "keeps", script, CheckpointConfig=config)
    )
    until(lambda: "I run" in log_lines(durable, "keeps"))
    durable.kill()
    gate.touch()
    durable.start()
    assert finished(durable, "keeps")["TrainingJobStatus"] == "Completed"
    durable.client("s3").head_object(Bucket=BUCKET, Key="kept/weights")


def test_all_hosts_outlive_the_server_and_run_once(durable: Server, gate: Path) -> None:
    script = waiting_script(gate).replace(
        "/opt/ml/model/weights", "/opt/ml/model/' + socket.gethostname() + '"
    )
    request = script_job(durable, "hosts", f"import socket\n{script}", ResourceConfig=TWO)
    durable.client("sagemaker").create_training_job(**request)
    restart(durable)
    until(lambda: log_lines(durable, "hosts") == ["I run", "I run"])
    durable.kill()
    gate.touch()
    durable.start()
    facts = finished(durable, "hosts")
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert log_lines(durable, "hosts") == ["I run", "I end"] * 2
    assert artifact_names(durable, facts["ModelArtifacts"]["S3ModelArtifacts"]) == ["algo-1", "algo-2"]
    assert list((durable.data_dir / "jobs" / "runs").glob("training-*")) == []


@pytest.mark.slow
def test_a_host_that_fails_while_the_server_is_dead_ends_the_job(durable: Server, gate: Path) -> None:
    script = (
        "import os, signal, time\n"
        "print('I run', flush=True)\n"
        "if os.environ['SM_CURRENT_HOST'] == 'algo-1': signal.pause()\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
        "raise ValueError('alone')\n"
    )
    request = script_job(durable, "half", script, ResourceConfig=TWO)
    durable.client("sagemaker").create_training_job(**request)
    until(lambda: log_lines(durable, "half") == ["I run", "I run"])
    durable.kill()
    gate.touch()
    durable.start()
    facts = finished(durable, "half")
    assert facts["FailureReason"].startswith("AlgorithmError: algo-2: ")
    assert "alone" in facts["FailureReason"]


def test_an_endpoint_goes_on_in_every_state(durable: Server) -> None:
    client = durable.client("sagemaker")
    upload_model(durable)
    container = {"Image": XGBOOST, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    client.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    for name in ("one", "two"):
        variant = {
            "VariantName": name,
            "ModelName": "m",
            "InstanceType": "ml.t2.medium",
            "InitialInstanceCount": 1,
        }
        client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    client.create_endpoint(EndpointName="e", EndpointConfigName="one")
    restart(durable)
    until(lambda: endpoint_state(durable) == "InService")
    assert invoked_variant(durable) == "one"
    restart(durable)
    assert invoked_variant(durable) == "one"
    durable.client("sagemaker").update_endpoint(EndpointName="e", EndpointConfigName="two")
    restart(durable)
    until(lambda: endpoint_state(durable) == "InService")
    assert invoked_variant(durable) == "two"
    durable.client("sagemaker").delete_endpoint(EndpointName="e")
    restart(durable)
    until(lambda: not durable.client("sagemaker").list_endpoints()["Endpoints"])


def state(server: Server, name: str) -> str:
    return server.client("sagemaker").describe_training_job(TrainingJobName=name)["SecondaryStatus"]


def processing_state(server: Server, name: str) -> str:
    facts = server.client("sagemaker").describe_processing_job(ProcessingJobName=name)
    return facts["ProcessingJobStatus"]


def endpoint_state(server: Server) -> str:
    return server.client("sagemaker").describe_endpoint(EndpointName="e")["EndpointStatus"]


def invoked_variant(server: Server) -> str:
    runtime = server.client("sagemaker-runtime")
    return runtime.invoke_endpoint(EndpointName="e", ContentType="text/csv", Body="1,2")[
        "InvokedProductionVariant"
    ]


def upload_model(server: Server) -> None:
    """A model archive made without a training job."""
    data = xgboost.DMatrix(np.array([[0.0, 1.0], [1.0, 0.0]]), label=[0, 1])
    booster = xgboost.train({"objective": "reg:squarederror", "nthread": 1}, data, 2)
    raw = bytes(booster.save_raw("ubj"))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("xgboost-model")
        member.size = len(raw)
        tar.addfile(member, io.BytesIO(raw))
    server.client("s3").put_object(Bucket=BUCKET, Key="model.tar.gz", Body=archive.getvalue())
