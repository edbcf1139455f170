"""What SageMaker tells of jobs, models and endpoints, in order."""

from typing import Any

import pytest

from sagesse.testing.server import Server

from .flow import BUCKET, PYTHON, ROLE, finished, make_bucket, run_job, script_job, until

FINAL = {"Completed", "Failed", "Stopped"}


@pytest.fixture(scope="module", autouse=True)
def bucket(server: Server) -> None:
    make_bucket(server)


def told(server: Server, arn: str, status: str, last: set[str]) -> list[dict[str, Any]]:
    """The events of a resource, once its status is told to be one of `last`."""

    def look() -> list[dict[str, Any]] | None:
        events = [entry["event"] for entry in server.events() if "event" in entry]
        found = [event for event in events if event["resources"] == [arn]]
        return found if found and found[-1]["detail"][status] in last else None

    return until(look)


def states(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["detail"]["TrainingJobStatus"], event["detail"]["SecondaryStatus"]) for event in events]


def job_events(server: Server, name: str) -> list[dict[str, Any]]:
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}"
    return told(server, arn, "TrainingJobStatus", FINAL)


def test_a_training_job_is_told_state_by_state(server: Server) -> None:
    script = "open('/opt/ml/model/weights', 'w').write('1')"
    tags = [{"Key": "team", "Value": "a"}]
    facts = run_job(server, script_job(server, "completes", script, Tags=tags))
    events = job_events(server, "completes")
    assert states(events) == [
        ("InProgress", "Starting"),
        ("InProgress", "Downloading"),
        ("InProgress", "Training"),
        ("InProgress", "Uploading"),
        ("Completed", "Completed"),
    ]
    assert {(event["source"], event["detail-type"]) for event in events} == {
        ("aws.sagemaker", "SageMaker Training Job State Change")
    }
    detail = events[-1]["detail"]
    for member in ("CreationTime", "TrainingStartTime", "TrainingEndTime", "LastModifiedTime"):
        assert detail.pop(member) == int(facts.pop(member).timestamp() * 1000)
    transitions = detail.pop("SecondaryStatusTransitions")
    assert [one["Status"] for one in transitions] == [second for _, second in states(events)]
    assert all(isinstance(one["StartTime"], int) for one in transitions)
    assert detail.pop("Tags") == {"team": "a"}
    del facts["ResponseMetadata"], facts["SecondaryStatusTransitions"]
    assert detail == facts


def test_a_failure_is_told_with_its_reason(server: Server) -> None:
    run_job(server, script_job(server, "fails", "raise ValueError('no such luck')"))
    last = job_events(server, "fails")[-1]["detail"]
    assert (last["TrainingJobStatus"], last["SecondaryStatus"]) == ("Failed", "Failed")
    assert "no such luck" in last["FailureReason"]


def test_a_stop_is_told_when_it_is_asked_for_and_when_it_is_done(server: Server) -> None:
    client = server.client("sagemaker")
    client.create_training_job(**script_job(server, "stops", "import time\ntime.sleep(600)"))
    until(lambda: client.describe_training_job(TrainingJobName="stops")["SecondaryStatus"] == "Training")
    client.stop_training_job(TrainingJobName="stops")
    finished(server, "stops")
    ends = states(job_events(server, "stops"))[3:]
    assert ends[0] == ("Stopping", "Stopping")
    assert ends[-1] == ("Stopped", "Stopped")


def test_a_processing_job_is_told(server: Server) -> None:
    arn = server.client("sagemaker").create_processing_job(
        ProcessingJobName="processes",
        AppSpecification={"ImageUri": PYTHON, "ContainerEntrypoint": ["python3", "-c", "print(1)"]},
        ProcessingResources={
            "ClusterConfig": {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
        RoleArn=ROLE,
    )["ProcessingJobArn"]
    events = told(server, arn, "ProcessingJobStatus", FINAL)
    assert [event["detail"]["ProcessingJobStatus"] for event in events] == ["InProgress", "Completed"]
    assert events[0]["detail-type"] == "SageMaker Processing Job State Change"
    assert isinstance(events[-1]["detail"]["ProcessingEndTime"], int)


def test_models_configurations_and_endpoints_are_told(server: Server) -> None:
    client = server.client("sagemaker")
    server.client("s3").put_object(Bucket=BUCKET, Key="no-model.tar.gz", Body=b"no archive")
    container = {"Image": PYTHON, "ModelDataUrl": f"s3://{BUCKET}/no-model.tar.gz"}
    model = client.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE)["ModelArn"]
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    config = client.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])[
        "EndpointConfigArn"
    ]
    endpoint = client.create_endpoint(EndpointName="e", EndpointConfigName="c")["EndpointArn"]
    events = told(server, endpoint, "EndpointStatus", {"FAILED"})
    assert [event["detail"]["EndpointStatus"] for event in events] == ["CREATING", "FAILED"]
    assert events[0]["detail-type"] == "SageMaker Endpoint State Change"
    assert "Failed to download model data" in events[-1]["detail"]["FailureReason"]
    client.delete_endpoint(EndpointName="e")
    assert told(server, endpoint, "EndpointStatus", {"DELETING"})
    client.delete_endpoint_config(EndpointConfigName="c")
    client.delete_model(ModelName="m")
    until(lambda: len(about(server, model)) == len(about(server, config)) == 2)
    assert {event["detail-type"] for event in about(server, model)} == {"SageMaker Model State Change"}
    (made, gone) = about(server, config)
    assert made["detail-type"] == "SageMaker Endpoint Config State Change"
    assert made["detail"]["ProductionVariants"][0]["ModelName"] == "m"
    assert made["detail"] == gone["detail"]


def about(server: Server, arn: str) -> list[dict[str, Any]]:
    events = [entry["event"] for entry in server.events() if "event" in entry]
    return [event for event in events if event["resources"] == [arn]]
