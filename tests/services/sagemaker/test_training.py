"""Training jobs through an unmodified boto3 against a real server: real processes, real ends."""

import re

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

from .flow import (
    BUCKET,
    PYTHON,
    ROLE,
    XGBOOST,
    artifact_names,
    channel,
    finished,
    log_lines,
    make_bucket,
    ran,
    run_job,
    script_job,
    until,
)

WRITE_MODEL = "open('/opt/ml/model/weights.txt', 'w').write('1')\n"


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)


def test_a_job_runs_the_script_and_stores_its_model(server: Server) -> None:
    facts = run_job(server, script_job(server, "stores-model", WRITE_MODEL))
    assert facts["TrainingJobStatus"] == "Completed"
    uri = facts["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://{BUCKET}/out/stores-model/output/model.tar.gz"
    assert artifact_names(server, uri) == ["weights.txt"]


def test_a_job_that_removes_its_folders_ends_with_an_empty_model(server: Server) -> None:
    source = "import shutil; [shutil.rmtree('/opt/ml/' + name) for name in ('model', 'output')]\n"
    facts = run_job(server, script_job(server, "removes-folders", source))
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert artifact_names(server, facts["ModelArtifacts"]["S3ModelArtifacts"]) == []


def test_output_data_becomes_an_archive_of_its_own(server: Server) -> None:
    run_job(
        server, script_job(server, "stores-output", "open('/opt/ml/output/data/plot.txt', 'w').write('1')")
    )
    assert artifact_names(server, f"s3://{BUCKET}/out/stores-output/output/output.tar.gz") == ["plot.txt"]


def test_the_states_a_job_goes_through_are_told(server: Server) -> None:
    facts = run_job(server, script_job(server, "tells-states", ""))
    history = facts["SecondaryStatusTransitions"]
    assert [entry["Status"] for entry in history] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert all(entry["EndTime"] >= entry["StartTime"] for entry in history)
    assert facts["TrainingTimeInSeconds"] >= 1


def test_the_time_of_a_job_is_that_of_its_instances(server: Server) -> None:
    facts = run_job(server, script_job(server, "is-billed", "import time; time.sleep(1.2)"))
    starting, downloading, *_, completed = facts["SecondaryStatusTransitions"]
    assert starting["EndTime"] <= facts["TrainingStartTime"] <= downloading["EndTime"]
    took = completed["EndTime"] - downloading["StartTime"]
    assert facts["TrainingTimeInSeconds"] == facts["BillableTimeInSeconds"] == round(took.total_seconds())


def test_a_job_without_metrics_shows_none(server: Server) -> None:
    facts = run_job(server, script_job(server, "no-metrics", ""))
    assert "FinalMetricDataList" not in facts
    assert facts["ProfilingStatus"] == "Disabled"


def test_an_isolated_job_has_no_credentials(server: Server) -> None:
    source = "import os; print(sorted(name for name in os.environ if name.startswith('AWS_')))"
    run_job(server, script_job(server, "isolated", source, EnableNetworkIsolation=True))
    assert log_lines(server, "isolated") == ["['AWS_DEFAULT_REGION', 'AWS_REGION']"]


def test_channels_are_at_their_place(server: Server) -> None:
    server.client("s3").put_object(Bucket=BUCKET, Key="data/deep/a.csv", Body=b"1,2\n")
    source = "print(open('/opt/ml/input/data/train/deep/a.csv').read())"
    request = script_job(
        server, "reads-channel", source, InputDataConfig=[channel("train", f"s3://{BUCKET}/data/")]
    )
    facts = run_job(server, request)
    assert facts["TrainingJobStatus"] == "Completed"
    assert "1,2" in log_lines(server, "reads-channel")
    shown = facts["InputDataConfig"][0]
    assert (shown["CompressionType"], shown["RecordWrapperType"]) == ("None", "None")


def test_metrics_go_to_cloudwatch_and_to_the_description(server: Server) -> None:
    specification = {
        "TrainingImage": PYTHON,
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "loss", "Regex": r"loss=(\S+)"}],
    }
    request = script_job(
        server, "metered", "print('loss=0.5')\nprint('loss=0.25')", AlgorithmSpecification=specification
    )
    facts = run_job(server, request)
    assert [(metric["MetricName"], metric["Value"]) for metric in facts["FinalMetricDataList"]] == [
        ("loss", 0.25)
    ]
    statistics = server.client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="loss",
        Dimensions=[{"Name": "TrainingJobName", "Value": "metered"}],
        StartTime=facts["CreationTime"].timestamp() - 120,
        EndTime=facts["TrainingEndTime"].timestamp() + 120,
        Period=3600,
        Statistics=["Minimum", "Maximum", "SampleCount"],
    )["Datapoints"]
    assert [(point["Minimum"], point["Maximum"]) for point in statistics] == [(0.25, 0.5)]


def test_the_metrics_an_algorithm_declares_are_described(server: Server) -> None:
    specification = {"TrainingImage": XGBOOST, "TrainingInputMode": "File"}
    request = script_job(server, "declared", "", AlgorithmSpecification=specification)
    server.client("sagemaker").create_training_job(**request)
    described = server.client("sagemaker").describe_training_job(TrainingJobName="declared")
    names = {metric["Name"] for metric in described["AlgorithmSpecification"]["MetricDefinitions"]}
    assert "validation:rmse" in names


def test_a_failing_script_fails_the_job_with_its_words(server: Server) -> None:
    facts = run_job(server, script_job(server, "fails", "raise ValueError('bad luck')"))
    assert facts["TrainingJobStatus"] == "Failed"
    assert facts["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError")
    assert "bad luck" in facts["FailureReason"]
    assert "exit code: 1" in facts["FailureReason"]


def test_a_failed_job_keeps_its_artifacts_and_its_reason(server: Server) -> None:
    source = WRITE_MODEL + "open('/opt/ml/output/data/why.txt', 'w').write('1')\nraise SystemExit(4)"
    facts = run_job(server, script_job(server, "fails-late", source))
    assert facts["TrainingJobStatus"] == "Failed"
    assert "exit code: 4" in facts["FailureReason"]
    assert facts["SecondaryStatusTransitions"][-1]["StatusMessage"] == "Training job failed"
    assert artifact_names(server, facts["ModelArtifacts"]["S3ModelArtifacts"]) == ["weights.txt"]
    assert artifact_names(server, f"s3://{BUCKET}/out/fails-late/output/output.tar.gz") == ["why.txt"]


def test_artifacts_that_cannot_be_stored_do_not_hide_why_a_job_failed(server: Server) -> None:
    nowhere = {"OutputDataConfig": {"S3OutputPath": "s3://not-there/x"}}
    facts = run_job(server, script_job(server, "fails-twice", "raise SystemExit(4)", **nowhere))
    assert "exit code: 4" in facts["FailureReason"]
    assert "ModelArtifacts" not in facts


def test_a_job_killed_from_outside_says_it_was_out_of_memory(server: Server) -> None:
    facts = run_job(server, script_job(server, "killed", "import os; os.kill(os.getpid(), 9)"))
    assert facts["FailureReason"].startswith("AlgorithmError: OutOfMemory: ")
    assert facts["FailureReason"].endswith("exit code: 137")


def test_arguments_without_an_entry_point_fail_the_job(server: Server) -> None:
    asked = {"TrainingImage": PYTHON, "TrainingInputMode": "File", "ContainerArguments": ["--epochs", "3"]}
    facts = run_job(server, script_job(server, "arguments-only", "", AlgorithmSpecification=asked))
    assert "need ContainerEntrypoint" in facts["FailureReason"]
    assert not ran(facts)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (
            {"RoleArn": "arn:aws:iam::123456789012:role/nobody"},
            "Could not assume role arn:aws:iam::123456789012:role/nobody. Please ensure that the role exists and "
            "allows principal 'sagemaker.amazonaws.com' to assume the role.",
        ),
        (
            {"InputDataConfig": [channel("train", f"s3://{BUCKET}/none/")]},
            f'No S3 objects found under S3 URL "s3://{BUCKET}/none/" given in input data source. Please ensure that '
            "the bucket exists in the selected region (us-east-1), that objects exist under that S3 prefix, and that "
            f'the role "{ROLE}" has "s3:ListBucket" permissions on bucket "{BUCKET}".',
        ),
        (
            {"InputDataConfig": [channel("train", "s3://not-there/x")]},
            "Error message from S3: The specified bucket does not exist",
        ),
    ],
)
def test_a_job_without_role_or_data_is_not_created(
    server: Server, members: dict[str, object], said: str
) -> None:
    client = server.client("sagemaker")
    with pytest.raises(ClientError, match=re.escape(said)):
        client.create_training_job(**script_job(server, "not-created", "", **members))
    with pytest.raises(ClientError, match="Requested resource not found"):
        client.describe_training_job(TrainingJobName="not-created")


def test_data_that_went_away_fails_the_job_that_waited(server: Server) -> None:
    s3, client = server.client("s3"), server.client("sagemaker")
    whole = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
    holds = script_job(server, "holds", "import signal\nsignal.pause()\n", ResourceConfig=whole)
    client.create_training_job(**holds)
    s3.put_object(Bucket=BUCKET, Key="passing/x", Body=b"1")
    given = [channel("train", f"s3://{BUCKET}/passing/")]
    client.create_training_job(**script_job(server, "waited", "", InputDataConfig=given))
    s3.delete_object(Bucket=BUCKET, Key="passing/x")
    client.stop_training_job(TrainingJobName="holds")
    reason = finished(server, "waited")["FailureReason"]
    assert reason.startswith("ClientError: Data download failed:No S3 objects found under S3 URL")


@pytest.mark.parametrize(
    ("name", "members", "said"),
    [
        (
            "no-image",
            {"AlgorithmSpecification": {"TrainingImage": "me/mine:1", "TrainingInputMode": "File"}},
            "no local recipe runs the image 'me/mine:1'",
        ),
        ("no-target", {"OutputDataConfig": {"S3OutputPath": "s3://not-there/x"}}, "Artifact upload failed"),
    ],
)
def test_what_does_not_exist_fails_the_job_later_and_says_why(
    server: Server, name: str, members: dict[str, object], said: str
) -> None:
    facts = run_job(server, script_job(server, name, WRITE_MODEL, **members))
    assert facts["TrainingJobStatus"] == "Failed"
    assert facts["FailureReason"].startswith("ClientError: ")
    assert said in facts["FailureReason"]


def test_a_running_job_is_stopped_and_keeps_its_artifacts(server: Server) -> None:
    waits = WRITE_MODEL + "print('ready', flush=True)\nimport signal\nsignal.pause()\n"
    client = server.client("sagemaker")
    client.create_training_job(**script_job(server, "stopped", waits))
    until(lambda: client.describe_training_job(TrainingJobName="stopped")["SecondaryStatus"] == "Training")
    until(lambda: "ready" in log_lines(server, "stopped"))
    client.stop_training_job(TrainingJobName="stopped")
    facts = finished(server, "stopped")
    assert (facts["TrainingJobStatus"], facts["SecondaryStatus"]) == ("Stopped", "Stopped")
    history = [entry["Status"] for entry in facts["SecondaryStatusTransitions"]]
    assert history[-4:] == ["Training", "Stopping", "Uploading", "Stopped"]
    assert artifact_names(server, facts["ModelArtifacts"]["S3ModelArtifacts"]) == ["weights.txt"]


def test_a_job_that_has_ended_cannot_be_stopped(server: Server) -> None:
    run_job(server, script_job(server, "has-ended", ""))
    with pytest.raises(ClientError, match="rejected because the training job is in status Completed"):
        server.client("sagemaker").stop_training_job(TrainingJobName="has-ended")


def test_a_job_ends_at_its_maximum_runtime(server: Server) -> None:
    request = script_job(
        server, "too-long", "import signal\nsignal.pause()", StoppingCondition={"MaxRuntimeInSeconds": 1}
    )
    facts = run_job(server, request)
    assert (facts["TrainingJobStatus"], facts["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_a_job_that_does_not_fit_waits_its_turn(server: Server) -> None:
    whole = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
    client = server.client("sagemaker")
    waits = "import signal\nsignal.pause()\n"
    client.create_training_job(**script_job(server, "first-in", waits, ResourceConfig=whole))
    until(lambda: client.describe_training_job(TrainingJobName="first-in")["SecondaryStatus"] == "Training")
    client.create_training_job(**script_job(server, "second-in", "", ResourceConfig=whole))
    waiting = until(
        lambda: (
            (facts := client.describe_training_job(TrainingJobName="second-in"))["SecondaryStatus"]
            == "Pending"
            and facts
        )
    )
    assert "waiting for " in waiting["SecondaryStatusTransitions"][-1]["StatusMessage"]
    client.stop_training_job(TrainingJobName="first-in")
    assert finished(server, "second-in")["TrainingJobStatus"] == "Completed"


def test_a_job_has_the_credentials_of_its_role(server: Server) -> None:
    source = "import boto3\nprint(boto3.client('sts').get_caller_identity()['Arn'])"
    run_job(server, script_job(server, "who-am-i", source))
    assert log_lines(server, "who-am-i") == ["arn:aws:sts::123456789012:assumed-role/sagemaker/SageMaker"]


def test_an_entrypoint_of_the_request_is_run_as_it_is(server: Server) -> None:
    specification = {
        "TrainingImage": PYTHON,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["/bin/sh", "-c"],
        "ContainerArguments": ["cat /opt/ml/input/config/resourceconfig.json; exit 3"],
    }
    facts = run_job(server, script_job(server, "entrypoint", "", AlgorithmSpecification=specification))
    assert "exit code: 3" in facts["FailureReason"]
    assert any("network_interface_name" in line for line in log_lines(server, "entrypoint"))


def test_xgboost_trains_and_reports_its_metrics(server: Server) -> None:
    rows = "\n".join(f"{int(x * y > 20)},{x},{y}" for x in range(10) for y in range(10))
    server.client("s3").put_object(Bucket=BUCKET, Key="table/rows.csv", Body=rows.encode())
    request = {
        **script_job(server, "xgboost", ""),
        "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        "InputDataConfig": [channel(name, f"s3://{BUCKET}/table/") for name in ("train", "validation")],
        "HyperParameters": {"num_round": "5", "objective": "binary:logistic", "eval_metric": "auc"},
    }
    facts = run_job(server, request)
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    metrics = {metric["MetricName"]: metric["Value"] for metric in facts["FinalMetricDataList"]}
    assert metrics["validation:auc"] > 0.9
    assert "xgboost-model" in artifact_names(server, facts["ModelArtifacts"]["S3ModelArtifacts"])


def test_a_bad_hyperparameter_is_the_clients_error(server: Server) -> None:
    request = {
        **script_job(server, "bad-parameter", ""),
        "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
        "HyperParameters": {"num_round": "many"},
    }
    facts = run_job(server, request)
    assert facts["FailureReason"].startswith("ClientError: ")
    assert "num_round" in facts["FailureReason"]


@pytest.mark.parametrize(
    "members",
    [
        {"VpcConfig": {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}},
        {"ExperimentConfig": {"ExperimentName": "e"}},
        {"ResourceConfig": {"InstancePreferences": [{"InstanceType": "ml.m5.large"}], "InstanceCount": 1}},
    ],
)
def test_members_that_are_not_supported_are_refused_by_name(
    server: Server, members: dict[str, object]
) -> None:
    with pytest.raises(ClientError, match="Sagesse does not support") as refusal:
        server.client("sagemaker").create_training_job(**script_job(server, "refused", "", **members))
    assert next(iter(members)) in str(refusal.value)


def test_bad_input_is_refused_in_the_words_of_aws(server: Server) -> None:
    request = {
        **script_job(server, "fine", ""),
        "TrainingJobName": "not/fine",
        "RoleArn": "no-role-at-all-of-any-kind",
    }
    with pytest.raises(ClientError) as refusal:
        server.client("sagemaker").create_training_job(**request)
    said = refusal.value.response["Error"]
    assert said["Code"] == "ValidationException"
    assert said["Message"].startswith("2 validation errors detected: ")
    assert "Value 'not/fine' at 'trainingJobName' failed to satisfy constraint" in said["Message"]


@pytest.mark.parametrize(
    "members",
    [{"Environment": {"A": "a\0b"}}, {"HyperParameters": {"sagemaker_program": "a.py", "a\0": "b"}}],
)
def test_what_no_program_can_be_given_is_refused(server: Server, members: dict[str, object]) -> None:
    with pytest.raises(ClientError, match=f"{next(iter(members))} holds a NUL character"):
        server.client("sagemaker").create_training_job(**script_job(server, "nul", "", **members))


def test_what_only_serverless_jobs_leave_out_is_required(server: Server) -> None:
    request = script_job(server, "left-out", "")
    del request["AlgorithmSpecification"], request["ResourceConfig"]
    with pytest.raises(ClientError, match="2 validation errors detected: Value null at 'algorithmSpecif"):
        server.client("sagemaker").create_training_job(**request)


def test_names_that_differ_by_case_are_one_name(server: Server) -> None:
    client = server.client("sagemaker")
    client.create_training_job(**script_job(server, "Same-Name", "import signal\nsignal.pause()"))
    with pytest.raises(ClientError, match="must be unique") as refusal:
        client.create_training_job(**script_job(server, "same-name", ""))
    assert refusal.value.response["Error"]["Code"] == "ResourceInUse"
    client.stop_training_job(TrainingJobName="Same-Name")
    assert finished(server, "Same-Name")["TrainingJobStatus"] == "Stopped"


def test_a_finished_job_can_be_deleted_and_a_running_one_not(server: Server) -> None:
    client = server.client("sagemaker")
    client.create_training_job(**script_job(server, "to-delete", "import signal\nsignal.pause()"))
    with pytest.raises(client.exceptions.ResourceInUse, match="Cannot delete"):
        client.delete_training_job(TrainingJobName="to-delete")
    client.stop_training_job(TrainingJobName="to-delete")
    finished(server, "to-delete")
    client.delete_training_job(TrainingJobName="to-delete")
    with pytest.raises(ClientError, match="Requested resource not found"):
        client.describe_training_job(TrainingJobName="to-delete")


def test_a_job_with_the_name_of_a_deleted_one_has_a_log_of_its_own(server: Server) -> None:
    client = server.client("sagemaker")
    rounds = ("one", "two", "three", "four")
    for word in rounds:  # in less than a second
        run_job(server, script_job(server, "again", f"print({word!r})"))
        client.delete_training_job(TrainingJobName="again")
    assert sorted(log_lines(server, "again")) == sorted(rounds)


def test_passing_a_role_needs_the_permission(server: Server) -> None:
    iam = server.client("iam")
    iam.create_user(UserName="trainer")
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sagemaker:*","Resource":"*"}]}'
    iam.put_user_policy(UserName="trainer", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="trainer")["AccessKey"]
    client = server.client(
        "sagemaker",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    with pytest.raises(ClientError, match=f"iam:PassRole on resource: {ROLE}"):
        client.create_training_job(**script_job(server, "passes-role", ""))
