"""Training jobs on several instances through an unmodified boto3: real processes that find each other by name."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

from .flow import (
    BUCKET,
    XGBOOST,
    artifact_names,
    channel,
    finished,
    interrupt,
    log_lines,
    make_bucket,
    run_job,
    script_job,
    until,
)

PYTORCH = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.1-cpu-py310"
TWO = {"InstanceType": "ml.t3.medium", "InstanceCount": 2, "VolumeSizeInGB": 1}
ME = "import os, json, socket, sys, signal, time\nme = os.environ['SM_CURRENT_HOST']\n"
SUM = (
    ME
    + """
import struct
if me == 'algo-1':
    server = socket.create_server((me, 5005))
    print('bound', server.getsockname()[0].startswith('127.'), socket.gethostname(), flush=True)
    peer = server.accept()[0]
    (theirs,) = struct.unpack('!i', peer.recv(4, socket.MSG_WAITALL))
    peer.sendall(struct.pack('!i', theirs + 1))
else:
    for _ in range(2000):
        try:
            peer = socket.create_connection(('algo-1', 5005)); break
        except ConnectionRefusedError:
            time.sleep(0.01)
    peer.sendall(struct.pack('!i', 41))
    (total,) = struct.unpack('!i', peer.recv(4, socket.MSG_WAITALL))
    print('sum', total, socket.gethostname(), flush=True)
"""
)
WAITS = ME + "print('up', flush=True)\nsignal.pause()\n"


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)


def two_hosts(server: Server, name: str, source: str, **members: Any) -> dict[str, Any]:
    return script_job(server, name, source, **{"ResourceConfig": TWO, **members})


def put(server: Server, key: str, body: str = "x") -> None:
    server.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body.encode())


def body(server: Server, key: str) -> str:
    return server.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()


def streams(server: Server, name: str) -> dict[str, list[str]]:
    """By host, what it printed."""
    logs, group = server.client("logs"), "/aws/sagemaker/TrainingJobs"
    found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    lines: dict[str, list[str]] = {}
    for stream in found:
        full = stream["logStreamName"]
        events = logs.get_log_events(logGroupName=group, logStreamName=full, startFromHead=True)["events"]
        host = full.removeprefix(f"{name}/").rpartition("-")[0]
        lines[host] = [event["message"] for event in events]
    return lines


@pytest.mark.parametrize("isolated", [False, True])
def test_hosts_talk_by_name_and_each_has_its_own_log(server: Server, isolated: bool) -> None:
    name = f"talks-{isolated}"
    facts = run_job(server, two_hosts(server, name, SUM, EnableNetworkIsolation=isolated))
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert streams(server, name) == {"algo-1": ["bound True algo-1"], "algo-2": ["sum 42 algo-2"]}


def test_hosts_are_told_of_each_other(server: Server) -> None:
    source = ME + (
        "config = json.load(open('/opt/ml/input/config/resourceconfig.json'))\n"
        "print(json.dumps([config['current_host'] == me, config['hosts'], os.environ['SM_HOSTS'],\n"
        "  config['network_interface_name'], os.environ['NCCL_SOCKET_IFNAME'], os.environ['OMP_NUM_THREADS'],\n"
        "  'algo-2' in os.environ['NO_PROXY']]))\n"
    )
    run_job(server, two_hosts(server, "told", source))
    told = {host: json.loads(lines[0]) for host, lines in streams(server, "told").items()}
    expected = [True, ["algo-1", "algo-2"], '["algo-1","algo-2"]', "lo", "lo", "1", True]
    assert told == {"algo-1": expected, "algo-2": expected}


def test_models_are_merged_and_the_first_hosts_files_stay(server: Server) -> None:
    source = ME + (
        "open(f'/opt/ml/model/{me}', 'w').write(me)\n"
        "open('/opt/ml/model/same', 'w').write(me)\n"
        "open(f'/opt/ml/output/data/{me}.txt', 'w').write(me)\n"
    )
    config = {"S3OutputPath": f"s3://{BUCKET}/out", "CompressionType": "NONE"}
    facts = run_job(server, two_hosts(server, "merges", source, OutputDataConfig=config))
    assert facts["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/out/merges/output/model/"
    found = [body(server, f"out/merges/output/model/{name}") for name in ("algo-1", "algo-2", "same")]
    assert found == ["algo-1", "algo-2", "algo-1"]
    output = f"s3://{BUCKET}/out/merges/output/output.tar.gz"
    assert artifact_names(server, output) == ["algo-1.txt", "algo-2.txt"]


def test_a_failing_host_fails_the_job_with_its_words_and_ends_the_others(server: Server) -> None:
    source = WAITS.replace(
        "signal.pause()", "if me == 'algo-2': raise ValueError('bad luck')\nsignal.pause()"
    )
    facts = run_job(server, two_hosts(server, "one-fails", source))
    assert facts["TrainingJobStatus"] == "Failed"
    assert facts["FailureReason"].startswith("AlgorithmError: algo-2: ExecuteUserScriptError")
    assert "bad luck" in facts["FailureReason"]
    assert streams(server, "one-fails")["algo-1"] in (
        ["up"],
        [],
    )  # it may have been ended before it came so far


def test_stop_reaches_every_host(server: Server) -> None:
    source = ME + (
        "def end(*_):\n"
        "    open(f'/opt/ml/model/{me}', 'w').write('saved'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nprint('up', flush=True)\nsignal.pause()\n"
    )
    client = server.client("sagemaker")
    client.create_training_job(**two_hosts(server, "stops", source))
    until(lambda: log_lines(server, "stops") == ["up", "up"])
    client.stop_training_job(TrainingJobName="stops")
    facts = finished(server, "stops")
    assert facts["TrainingJobStatus"] == "Stopped"
    assert artifact_names(server, facts["ModelArtifacts"]["S3ModelArtifacts"]) == ["algo-1", "algo-2"]


def test_the_time_limit_is_for_every_host(server: Server) -> None:
    limit = {"MaxRuntimeInSeconds": 1}
    facts = run_job(server, two_hosts(server, "too-long", WAITS, StoppingCondition=limit))
    assert (facts["TrainingJobStatus"], facts["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_sharded_channels_are_dealt_and_replicated_ones_are_not(server: Server) -> None:
    for name in "abc":
        put(server, f"shards/{name}")
    sharded = channel("dealt", f"s3://{BUCKET}/shards/")
    sharded["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"
    source = "import os\nfor c in ('dealt', 'all'): print(c, sorted(os.listdir('/opt/ml/input/data/' + c)))\n"
    channels = [sharded, channel("all", f"s3://{BUCKET}/shards/")]
    run_job(server, two_hosts(server, "shards", source, InputDataConfig=channels))
    assert streams(server, "shards") == {
        "algo-1": ["dealt ['a', 'c']", "all ['a', 'b', 'c']"],
        "algo-2": ["dealt ['b']", "all ['a', 'b', 'c']"],
    }


def test_a_channel_for_an_instance_group_is_for_its_hosts_alone(server: Server) -> None:
    put(server, "grouped/a")
    groups = [
        {"InstanceGroupName": "loaders", "InstanceType": "ml.t3.medium", "InstanceCount": 1},
        {"InstanceGroupName": "trainers", "InstanceType": "ml.t3.large", "InstanceCount": 1},
    ]
    data = channel("raw", f"s3://{BUCKET}/grouped/")
    data["DataSource"]["S3DataSource"]["InstanceGroupNames"] = ["loaders"]
    source = ME + (
        "print(os.environ['SM_CURRENT_INSTANCE_GROUP'], os.environ['SM_IS_HETERO'], os.environ['SM_CHANNELS'],\n"
        "  os.environ['SM_HOSTS'], os.listdir('/opt/ml/input/data'))\n"
    )
    resources = {"InstanceGroups": groups, "VolumeSizeInGB": 1}
    facts = run_job(
        server, two_hosts(server, "grouped", source, ResourceConfig=resources, InputDataConfig=[data])
    )
    assert facts["ResourceConfig"]["InstanceGroups"] == groups
    assert streams(server, "grouped") == {
        "algo-1": ["""loaders true ["raw"] ["algo-1","algo-2"] ['raw']"""],
        "algo-2": ["""trainers true [] ["algo-1","algo-2"] []"""],
    }


def test_the_latest_value_of_a_metric_over_all_hosts_is_final(server: Server) -> None:
    specification = {
        **two_hosts(server, "metered", "")["AlgorithmSpecification"],
        "MetricDefinitions": [{"Name": "loss", "Regex": r"loss=(\S+)"}],
    }
    source = SUM.replace(
        "peer.sendall(struct.pack('!i', theirs + 1))",
        "print('loss=3', flush=True)\n    peer.sendall(b'0000')",
    )
    source = source.replace("print('sum', total,", "time.sleep(0.02); print('loss=1',")
    facts = run_job(server, two_hosts(server, "metered", source, AlgorithmSpecification=specification))
    assert [metric["Value"] for metric in facts["FinalMetricDataList"]] == [1.0]
    statistics = server.client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="loss",
        Dimensions=[{"Name": "TrainingJobName", "Value": "metered"}],
        StartTime=facts["CreationTime"].timestamp() - 120,
        EndTime=facts["TrainingEndTime"].timestamp() + 120,
        Period=3600,
        Statistics=["SampleCount"],
    )["Datapoints"]
    assert [point["SampleCount"] for point in statistics] == [2.0]


def test_checkpoints_of_every_host_are_kept_and_an_interruption_ends_them_all(server: Server) -> None:
    source = ME + (
        "seen = sorted(os.listdir('/opt/ml/checkpoints'))\nprint('seen', seen, flush=True)\n"
        "open(f'/opt/ml/checkpoints/{me}', 'w').write(me)\n"
        "if not seen: signal.pause()\n"
    )
    spot = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 120, "MaxWaitTimeInSeconds": 240},
        "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/kept"},
    }
    server.client("sagemaker").create_training_job(**two_hosts(server, "spot", source, **spot))
    until(lambda: log_lines(server, "spot") == ["seen []", "seen []"])
    assert interrupt(server, "spot") == 200
    facts = finished(server, "spot")
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert "Interrupted" in [entry["Status"] for entry in facts["SecondaryStatusTransitions"]]
    assert sorted(log_lines(server, "spot")) == ["seen ['algo-1', 'algo-2']"] * 2 + ["seen []"] * 2


@pytest.mark.slow  # it loads torch
def test_torch_sums_over_hosts_with_gloo(server: Server) -> None:
    source = ME + (
        "import torch, torch.distributed as dist\n"
        "hosts = json.loads(os.environ['SM_HOSTS'])\n"
        "os.environ.update(MASTER_ADDR=hosts[0], MASTER_PORT='29517')\n"
        "dist.init_process_group('gloo', init_method='env://', rank=hosts.index(me), world_size=len(hosts))\n"
        "value = torch.tensor([hosts.index(me) + 1.0])\n"
        "dist.all_reduce(value)\n"
        "print('all', value.item(), flush=True)\n"
        "dist.destroy_process_group()\n"
    )
    specification = {"TrainingImage": PYTORCH, "TrainingInputMode": "File"}
    facts = run_job(server, two_hosts(server, "gloo", source, AlgorithmSpecification=specification))
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert [lines[-1] for lines in streams(server, "gloo").values()] == ["all 3.0", "all 3.0"]


@pytest.mark.slow  # it loads torch
@pytest.mark.parametrize(
    ("setting", "size"),
    [
        ({"sagemaker_torch_distributed_enabled": True}, 2),
        ({"sagemaker_mpi_enabled": True, "sagemaker_mpi_num_of_processes_per_host": 2}, 4),
    ],
)
def test_a_distribution_setting_starts_the_ranks_of_all_hosts(
    server: Server, setting: dict[str, Any], size: int
) -> None:
    source = ME + (
        "import torch, torch.distributed as dist\n"
        "mpi = {k: os.environ[f'OMPI_COMM_WORLD_{k}'] for k in ('RANK', 'SIZE')}\n"  # mpirun sets no others
        "dist.init_process_group('gloo', rank=int(mpi['RANK']), world_size=int(mpi['SIZE']))\n"
        "value = torch.tensor([dist.get_rank() + 1.0])\n"
        "dist.all_reduce(value)\n"
        "open(f'/opt/ml/model/{dist.get_rank()}', 'w').write(f'{me} {value.item()}')\n"
        "dist.destroy_process_group()\n"
    )
    specification = {"TrainingImage": PYTORCH, "TrainingInputMode": "File"}
    name = f"distributed-{size}"
    request = two_hosts(server, name, source, AlgorithmSpecification=specification)
    request["HyperParameters"] |= {key: json.dumps(value) for key, value in setting.items()}
    request["OutputDataConfig"]["CompressionType"] = "NONE"
    facts = run_job(server, request)
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    total = size * (size + 1) / 2
    found = [body(server, f"out/{name}/output/model/{rank}") for rank in range(size)]
    assert found == [f"algo-{1 + rank // (size // 2)} {total}" for rank in range(size)]


GROUP = {"InstanceGroupName": "g", "InstanceType": "ml.m5.large", "InstanceCount": 1}


@pytest.mark.parametrize(
    ("resources", "named"),
    [
        ({"InstanceType": "ml.m5.large", "InstanceCount": 0}, "InstanceCount 0"),
        ({"InstanceType": "ml.m5.large", "InstanceCount": 1, "InstanceGroups": [GROUP]}, "together"),
        ({"InstanceGroups": [GROUP, GROUP]}, "InstanceGroupName must be unique"),
        ({"InstanceGroups": [{**GROUP, "InstanceCount": 0}]}, "InstanceCount 0"),
    ],
)
def test_instances_that_cannot_be_had_are_refused(
    server: Server, resources: dict[str, Any], named: str
) -> None:
    request = script_job(server, "refused", "", ResourceConfig={**resources, "VolumeSizeInGB": 1})
    with pytest.raises(ClientError, match=named) as refusal:
        server.client("sagemaker").create_training_job(**request)
    assert refusal.value.response["Error"]["Code"] == "ValidationException"


def test_a_channel_for_a_group_that_is_not_there_is_refused(server: Server) -> None:
    data = channel("raw", f"s3://{BUCKET}/grouped/")
    data["DataSource"]["S3DataSource"]["InstanceGroupNames"] = ["nobody"]
    with pytest.raises(ClientError, match="'nobody'"):
        server.client("sagemaker").create_training_job(
            **two_hosts(server, "nobody", "", InputDataConfig=[data])
        )


def test_a_built_in_algorithm_on_several_hosts_is_refused_by_name(server: Server) -> None:
    request = two_hosts(server, "builtin", "")
    request["AlgorithmSpecification"] = {"TrainingImage": XGBOOST, "TrainingInputMode": "File"}
    request["HyperParameters"] = {"num_round": "1"}
    with pytest.raises(ClientError, match="built-in algorithm xgboost"):
        server.client("sagemaker").create_training_job(**request)
