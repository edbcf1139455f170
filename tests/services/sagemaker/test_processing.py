"""Processing jobs through an unmodified boto3 against a real server: real processes, real ends."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

from .flow import BUCKET, PYTHON, ROLE, XGBOOST, log_lines, make_bucket, stored, until

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
CODE = "/opt/ml/processing/input/code"
_FINAL = {"Completed", "Failed", "Stopped"}


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)


def put(server: Server, key: str, body: str) -> None:
    server.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body.encode())


def source(name: str, uri: str, path: str, **members: Any) -> dict[str, Any]:
    data = {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {**data, **members}}


def target(name: str, prefix: str, path: str, mode: str = "EndOfJob") -> dict[str, Any]:
    place = {"S3Uri": f"s3://{BUCKET}/{prefix}", "LocalPath": path, "S3UploadMode": mode}
    return {"OutputName": name, "S3Output": place}


def job(
    server: Server,
    name: str,
    script: str,
    *,
    inputs: tuple[dict[str, Any], ...] = (),
    outputs: tuple[dict[str, Any], ...] = (),
    arguments: tuple[str, ...] = (),
    image: str = PYTHON,
    **members: Any,
) -> dict[str, Any]:
    """The request of a job as the SDK's ScriptProcessor makes it."""
    put(server, f"{name}/code/run.py", script)
    application: dict[str, Any] = {
        "ImageUri": image,
        "ContainerEntrypoint": ["python3", f"{CODE}/run.py"],
    }
    if arguments:
        application["ContainerArguments"] = list(arguments)
    return {
        "ProcessingJobName": name,
        "AppSpecification": application,
        "RoleArn": ROLE,
        "ProcessingInputs": [source("code", f"s3://{BUCKET}/{name}/code/run.py", CODE), *inputs],
        "ProcessingOutputConfig": {"Outputs": list(outputs)},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 120},
        **members,
    }


def run_job(server: Server, request: dict[str, Any]) -> dict[str, Any]:
    server.client("sagemaker").create_processing_job(**request)
    return finished(server, request["ProcessingJobName"])


def finished(server: Server, name: str) -> dict[str, Any]:
    client = server.client("sagemaker")

    def look() -> dict[str, Any] | None:
        facts = client.describe_processing_job(ProcessingJobName=name)
        return facts if facts["ProcessingJobStatus"] in _FINAL else None

    return until(look)


def lines(server: Server, name: str) -> list[str]:
    return log_lines(server, name, LOG_GROUP)


def test_hosts_get_their_share_and_their_outputs_are_put_together(server: Server) -> None:
    for name in "abc":
        put(server, f"parts/{name}", name)
    script = (
        "import json, os, socket\n"
        "config = json.load(open('/opt/ml/config/resourceconfig.json'))\n"
        "me, out = config['current_host'], '/opt/ml/processing/out/'\n"
        "names = ''.join(sorted(os.listdir('/opt/ml/processing/input/data')))\n"
        "open(out + me, 'w').write(f'{names} {socket.gethostbyname(\"algo-2\")[:4]}')\n"
        "open(out + 'same', 'w').write(me)\n"
        "print(config['hosts'])\n"
    )
    data = source(
        "data",
        f"s3://{BUCKET}/parts/",
        "/opt/ml/processing/input/data",
        S3DataDistributionType="ShardedByS3Key",
    )
    out = target("out", "together", "/opt/ml/processing/out")
    facts = run_job(
        server, job(server, "shares", script, inputs=(data,), outputs=(out,), **_cluster(InstanceCount=2))
    )
    assert facts["ProcessingJobStatus"] == "Completed", facts.get("FailureReason")
    client = server.client("s3")
    found = {
        name: client.get_object(Bucket=BUCKET, Key=f"together/{name}")["Body"].read().decode()
        for name in stored(server, "together/")
    }
    assert found == {"algo-1": "ac 127.", "algo-2": "b 127.", "same": "algo-1"}
    assert lines(server, "shares") == ["['algo-1', 'algo-2']"] * 2


def test_a_failing_host_fails_the_processing_job(server: Server) -> None:
    script = (
        "import json, signal, sys\n"
        "me = json.load(open('/opt/ml/config/resourceconfig.json'))['current_host']\n"
        "if me == 'algo-2':\n"
        "    open('/opt/ml/output/failure', 'w').write('bad luck'); sys.exit(3)\n"
        "signal.pause()\n"
    )
    facts = run_job(server, job(server, "half-fails", script, **_cluster(InstanceCount=2)))
    assert facts["ProcessingJobStatus"] == "Failed"
    assert facts["FailureReason"] == "AlgorithmError: algo-2: bad luck, exit code: 3"


def test_a_script_reads_its_input_and_its_output_is_stored(server: Server) -> None:
    put(server, "raw/a.csv", "1")
    put(server, "raw/deep/b.csv", "2")
    script = (
        "from pathlib import Path\n"
        "names = sorted(p.name for p in Path('/opt/ml/processing/input/data').rglob('*.csv'))\n"
        "Path('/opt/ml/processing/out/deep').mkdir()\n"
        "Path('/opt/ml/processing/out/deep/names.txt').write_text(','.join(names))\n"
    )
    data = source("data", f"s3://{BUCKET}/raw/", "/opt/ml/processing/input/data")
    out = target("out", "made", "/opt/ml/processing/out")
    facts = run_job(server, job(server, "reads", script, inputs=(data,), outputs=(out,)))
    assert facts["ProcessingJobStatus"] == "Completed", facts.get("FailureReason")
    assert facts["ProcessingEndTime"] >= facts["ProcessingStartTime"]
    body = server.client("s3").get_object(Bucket=BUCKET, Key="made/deep/names.txt")["Body"].read()
    assert body == b"a.csv,b.csv"


def test_a_manifest_names_the_input(server: Server) -> None:
    put(server, "listed/a", "1")
    put(server, "listed/b", "2")
    put(server, "manifest", json.dumps([{"prefix": f"s3://{BUCKET}/listed/"}, "b"]))
    path = "/opt/ml/processing/data"
    data = source("data", f"s3://{BUCKET}/manifest", path, S3DataType="ManifestFile")
    run_job(server, job(server, "manifest", f"import os\nprint(os.listdir({path!r}))", inputs=(data,)))
    assert lines(server, "manifest") == ["['b']"]


def test_what_a_job_changes_in_its_input_stays_its_own(server: Server) -> None:
    put(server, "kept/a", "0123456789" * 10_000)
    script = (
        "open('/opt/ml/processing/data/a', 'r+').write('XX')\n"
        "print(open('/opt/ml/processing/data/a').read(4))\n"
    )
    data = source("data", f"s3://{BUCKET}/kept/", "/opt/ml/processing/data")
    run_job(server, job(server, "changes", script, inputs=(data,)))
    assert lines(server, "changes") == ["XX23"]
    body = server.client("s3").get_object(Bucket=BUCKET, Key="kept/a")["Body"].read(4)
    assert body == b"0123"


def test_an_output_may_lie_in_an_input_and_an_input_in_another(server: Server) -> None:
    put(server, "outer/a", "outer")
    put(server, "inner/b", "inner")
    put(server, "apart/c", "0123456789" * 10_000)
    script = (
        "from pathlib import Path\n"
        "root = Path('/opt/ml/processing')\n"
        "found = [path.relative_to(root).as_posix() for path in root.rglob('?') if path.is_file()]\n"
        "(root / 'data/out').mkdir(exist_ok=True)\n"
        "(root / 'data/out/names').write_text(','.join(sorted(found)))\n"
    )
    inputs = (
        source("outer", f"s3://{BUCKET}/outer/", "/opt/ml/processing/data"),
        source("inner", f"s3://{BUCKET}/inner/", "/opt/ml/processing/data/in"),
        source("apart", f"s3://{BUCKET}/apart/", "/opt/ml/processing/x"),
        source("below", f"s3://{BUCKET}/inner/", "/opt/ml/processing/x/y"),
    )
    out = target("out", "nested", "/opt/ml/processing/data/out")
    facts = run_job(server, job(server, "nested", script, inputs=inputs, outputs=(out,)))
    assert facts["ProcessingJobStatus"] == "Completed", facts.get("FailureReason")
    body = server.client("s3").get_object(Bucket=BUCKET, Key="nested/names")["Body"].read()
    assert body == b"data/a,data/in/b,x/c,x/y/b"


def test_arguments_environment_and_configuration_reach_the_script(server: Server) -> None:
    script = (
        "import json, os, sys\n"
        "config = json.load(open('/opt/ml/config/processingjobconfig.json'))\n"
        "hosts = json.load(open('/opt/ml/config/resourceconfig.json'))\n"
        "print(sys.argv[1:], os.environ['COLOUR'], config['ProcessingJobArn'], hosts['current_host'])\n"
    )
    request = job(server, "told", script, arguments=("--depth", "3"), Environment={"COLOUR": "red"})
    facts = run_job(server, request)
    assert lines(server, "told") == [f"['--depth', '3'] red {facts['ProcessingJobArn']} algo-1"]


def test_python3_is_the_interpreter_with_the_image_s_libraries(server: Server) -> None:
    run_job(server, job(server, "libraries", "import xgboost\nprint(xgboost.__name__)", image=XGBOOST))
    assert lines(server, "libraries") == ["xgboost"]


def test_a_shell_entrypoint_runs_below_the_real_path(server: Server) -> None:
    """As the SDK's FrameworkProcessor does it."""
    put(server, "shell/entry/runproc.sh", 'cd /opt/ml/processing/input/code/\npython3 run.py "$@"\n')
    entry = source(
        "entrypoint", f"s3://{BUCKET}/shell/entry/runproc.sh", "/opt/ml/processing/input/entrypoint"
    )
    request = job(server, "shell", "import os, sys\nprint(os.getcwd(), sys.argv[1])", inputs=(entry,))
    request["AppSpecification"] = {
        "ImageUri": PYTHON,
        "ContainerEntrypoint": ["/bin/bash", "/opt/ml/processing/input/entrypoint/runproc.sh"],
        "ContainerArguments": ["x"],
    }
    assert run_job(server, request)["ProcessingJobStatus"] == "Completed"
    assert lines(server, "shell") == [f"{CODE} x"]


def test_a_job_acts_as_its_role(server: Server) -> None:
    script = "import boto3\nprint(boto3.client('sts').get_caller_identity()['Arn'])"
    run_job(server, job(server, "who-am-i", script))
    assert lines(server, "who-am-i") == ["arn:aws:sts::123456789012:assumed-role/sagemaker/SageMaker"]


def test_continuous_outputs_are_stored_while_the_job_runs(server: Server) -> None:
    script = "open('/opt/ml/processing/live/a', 'w').write('1')\nimport signal\nsignal.pause()"
    out = target("live", "live", "/opt/ml/processing/live", "Continuous")
    client = server.client("sagemaker")
    client.create_processing_job(**job(server, "live", script, outputs=(out,)))
    until(lambda: stored(server, "live/a") == [""])
    client.stop_processing_job(ProcessingJobName="live")
    assert finished(server, "live")["ProcessingJobStatus"] == "Stopped"


def test_what_an_output_holds_besides_files_is_left_out(server: Server) -> None:
    script = (
        "import os\nos.symlink('/etc', '/opt/ml/processing/out/etc')\nopen('/opt/ml/processing/out/a', 'w')"
    )
    run_job(
        server, job(server, "links", script, outputs=(target("o", "links-out", "/opt/ml/processing/out"),))
    )
    assert stored(server, "links-out/") == ["a"]


def test_a_failing_script_fails_the_job_and_stores_no_output(server: Server) -> None:
    script = "open('/opt/ml/processing/out/a', 'w').write('1')\nraise SystemExit(7)"
    out = target("out", "failed-out", "/opt/ml/processing/out")
    facts = run_job(server, job(server, "fails", script, outputs=(out,)))
    assert facts["ProcessingJobStatus"] == "Failed"
    assert facts["FailureReason"].startswith("AlgorithmError: ")
    assert "exit code: 7" in facts["FailureReason"]
    assert stored(server, "failed-out/") == []


@pytest.mark.parametrize("code", [0, 1])
def test_the_exit_message_is_told(server: Server, code: int) -> None:
    script = f"open('/opt/ml/output/message', 'w').write('3 rows')\nraise SystemExit({code})"
    assert run_job(server, job(server, f"message-{code}", script))["ExitMessage"] == "3 rows"


def test_the_messages_of_all_hosts_are_told_together(server: Server) -> None:
    script = "import socket; open('/opt/ml/output/message', 'w').write(socket.gethostname() + ';')"
    facts = run_job(server, job(server, "messages", script, **_cluster(InstanceCount=2)))
    assert facts["ExitMessage"] == "algo-1;algo-2;"


def test_a_job_ends_at_its_maximum_runtime(server: Server) -> None:
    request = job(
        server, "too-long", "import signal\nsignal.pause()", StoppingCondition={"MaxRuntimeInSeconds": 1}
    )
    assert run_job(server, request)["ProcessingJobStatus"] == "Stopped"


def test_an_isolated_job_has_no_network(server: Server) -> None:
    script = f"import socket\nsocket.create_connection(('127.0.0.1', {server.port}), 2)"
    facts = run_job(server, job(server, "isolated", script, NetworkConfig={"EnableNetworkIsolation": True}))
    assert facts["ProcessingJobStatus"] == "Failed"
    assert "ConnectionRefusedError" in "".join(lines(server, "isolated"))


def test_a_job_that_has_ended_cannot_be_stopped(server: Server) -> None:
    run_job(server, job(server, "over", ""))
    with pytest.raises(ClientError, match="the processing job is in status Completed"):
        server.client("sagemaker").stop_processing_job(ProcessingJobName="over")


def test_an_image_without_an_entry_point_fails_the_job(server: Server) -> None:
    request = job(server, "no-entry", "")
    request["AppSpecification"] = {"ImageUri": PYTHON}
    assert "give AppSpecification.ContainerEntrypoint" in run_job(server, request)["FailureReason"]


def test_an_input_without_objects_fails_the_job(server: Server) -> None:
    data = source("data", f"s3://{BUCKET}/nothing/", "/opt/ml/processing/data")
    facts = run_job(server, job(server, "no-data", "", inputs=(data,)))
    assert "No S3 objects found under S3 URL" in facts["FailureReason"]


def test_a_target_that_is_not_there_fails_the_job(server: Server) -> None:
    out = target("out", "", "/opt/ml/processing/out")
    out["S3Output"]["S3Uri"] = "s3://not-there/x"
    script = "open('/opt/ml/processing/out/a', 'w')"
    facts = run_job(server, job(server, "no-target", script, outputs=(out,)))
    assert facts["FailureReason"].startswith("ClientError: Output upload failed: NoSuchBucket")


def _athena() -> dict[str, Any]:
    query = {"Catalog": "c", "Database": "d", "QueryString": "q", "OutputS3Uri": "s3://b/x"}
    definition = {"AthenaDatasetDefinition": {**query, "OutputFormat": "JSON"}}
    return {"ProcessingInputs": [{"InputName": "a", "DatasetDefinition": definition}]}


def _cluster(**members: Any) -> dict[str, Any]:
    cluster = {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1, **members}
    return {"ProcessingResources": {"ClusterConfig": cluster}}


@pytest.mark.parametrize(
    ("members", "named"),
    [
        (_athena(), "AthenaDatasetDefinition"),
        (_cluster(VolumeKmsKeyId="k"), "VolumeKmsKeyId"),
        (
            {
                "ProcessingOutputConfig": {
                    "Outputs": [{"OutputName": "f", "FeatureStoreOutput": {"FeatureGroupName": "g"}}]
                }
            },
            "FeatureStoreOutput",
        ),
        ({"ExperimentConfig": {"ExperimentName": "e"}}, "ExperimentConfig"),
        (
            {"ProcessingInputs": [source("p", "s3://b/x", "/opt/ml/processing/p", S3InputMode="Pipe")]},
            "S3InputMode Pipe",
        ),
    ],
)
def test_members_that_are_not_supported_are_refused_by_name(
    server: Server, members: dict[str, Any], named: str
) -> None:
    with pytest.raises(ClientError, match="Sagesse does not support") as refusal:
        server.client("sagemaker").create_processing_job(**job(server, "refused", "", **members))
    assert named in str(refusal.value)


@pytest.mark.parametrize("path", ["/etc", "/opt/ml/processing", "/opt/ml/processing/../x", ""])
def test_inputs_lie_below_the_processing_folder(server: Server, path: str) -> None:
    with pytest.raises(ClientError, match="LocalPath"):
        server.client("sagemaker").create_processing_job(
            **job(server, "refused", "", ProcessingInputs=[source("p", "s3://b/x", path)])
        )
