"""Warm pools through an unmodified boto3: kept, taken, ended, and kept over a kill -9 of the server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagesse.testing.server import Server

from .flow import finished, log_lines, make_bucket, run_job, script_job, until

SMALL = "ml.t3.medium"
SHOWS_CACHE = """
import os
cache = os.environ['SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY']
print(cache, sorted(os.listdir(cache)))
open(os.path.join(cache, os.environ['TRAINING_JOB_NAME']), 'w').write('1')
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with four cores for jobs that keeps its data."""
    folder = tmp_path_factory.mktemp("warm")
    (folder / "settings.json").write_text(json.dumps({"job_cores": 4}))
    with Server(folder, ephemeral=False) as running:
        make_bucket(running)
        yield running


def warm_job(server: Server, name: str, keep_s: int, source: str = "", **resources: Any) -> dict[str, Any]:
    config = {"InstanceType": SMALL, "InstanceCount": 1, "VolumeSizeInGB": 1, **resources}
    if keep_s:
        config["KeepAlivePeriodInSeconds"] = keep_s
    return script_job(server, name, source, ResourceConfig=config)


def pool_of(server: Server, name: str) -> dict[str, Any]:
    return server.client("sagemaker").describe_training_job(TrainingJobName=name)["WarmPoolStatus"]


def end_pool(server: Server, name: str) -> None:
    change = {"KeepAlivePeriodInSeconds": 0}
    server.client("sagemaker").update_training_job(TrainingJobName=name, ResourceConfig=change)
    until(lambda: pool_of(server, name)["Status"] == "Terminated")


def test_a_matching_job_takes_the_pool_and_its_cache(server: Server) -> None:
    first = run_job(server, warm_job(server, "first", 600, SHOWS_CACHE))
    assert first["WarmPoolStatus"]["Status"] == "Available"
    assert first["WarmPoolStatus"]["ResourceRetainedBillableTimeInSeconds"] >= 0
    second = run_job(server, warm_job(server, "second", 600, SHOWS_CACHE))
    assert second["WarmPoolStatus"]["Status"] == "Available"
    reused = until(lambda: (status := pool_of(server, "first"))["Status"] == "Reused" and status)
    assert reused["ReusedByJob"] == "second"
    assert log_lines(server, "second") == ["/opt/ml/sagemaker/warmpoolcache ['first']"]
    end_pool(server, "second")


def test_a_pool_holds_its_place_and_a_match_does_not_queue(server: Server) -> None:
    whole = "ml.m5.24xlarge"
    run_job(server, warm_job(server, "holds", 600, InstanceType=whole))
    client = server.client("sagemaker")
    client.create_training_job(**warm_job(server, "waits", 0))
    until(lambda: client.describe_training_job(TrainingJobName="waits")["SecondaryStatus"] == "Pending")
    matched = run_job(server, warm_job(server, "matches", 0, InstanceType=whole))
    assert "Pending" not in [entry["Status"] for entry in matched["SecondaryStatusTransitions"]]
    assert matched["WarmPoolStatus"]["Status"] == "Terminated"
    assert finished(server, "waits")["TrainingJobStatus"] == "Completed"
    assert "WarmPoolStatus" not in client.describe_training_job(TrainingJobName="waits")


def test_a_job_that_differs_does_not_take_the_pool(server: Server) -> None:
    run_job(server, warm_job(server, "kept", 600))
    other_volume = warm_job(server, "other-volume", 0, VolumeSizeInGB=2)
    other_network = {**warm_job(server, "other-network", 0), "EnableInterContainerTrafficEncryption": True}
    for request in (other_volume, other_network):
        assert "WarmPoolStatus" not in run_job(server, request)
    assert pool_of(server, "kept")["Status"] == "Available"
    end_pool(server, "kept")


def test_a_pool_ends_when_its_time_is_up(server: Server) -> None:
    run_job(server, warm_job(server, "short", 1))
    status = until(lambda: (status := pool_of(server, "short"))["Status"] == "Terminated" and status)
    assert status["ResourceRetainedBillableTimeInSeconds"] >= 1


def test_a_pool_outlives_the_server(server: Server) -> None:
    run_job(server, warm_job(server, "survives", 600, SHOWS_CACHE, InstanceType="ml.m5.24xlarge"))
    server.kill()
    server.start()
    assert pool_of(server, "survives")["Status"] == "Available"
    client = server.client("sagemaker")
    client.create_training_job(**warm_job(server, "queues", 0))
    until(lambda: client.describe_training_job(TrainingJobName="queues")["SecondaryStatus"] == "Pending")
    run_job(server, warm_job(server, "heir", 0, SHOWS_CACHE, InstanceType="ml.m5.24xlarge"))
    assert log_lines(server, "heir") == ["/opt/ml/sagemaker/warmpoolcache ['survives']"]
    assert until(lambda: pool_of(server, "survives")["Status"] == "Reused")
    finished(server, "queues")


def test_a_failed_job_leaves_a_pool_and_one_that_never_started_none(server: Server) -> None:
    facts = run_job(server, warm_job(server, "fails", 600, "raise SystemExit(3)"))
    assert (facts["TrainingJobStatus"], facts["WarmPoolStatus"]["Status"]) == ("Failed", "Available")
    end_pool(server, "fails")
    request = warm_job(server, "unknown", 600)
    request["AlgorithmSpecification"]["TrainingImage"] = "unknown"
    assert run_job(server, request)["WarmPoolStatus"]["Status"] == "Terminated"


def test_jobs_are_listed_by_their_pools(server: Server) -> None:
    run_job(server, warm_job(server, "listed", 600))
    client = server.client("sagemaker")
    for status, expected in (("Available", {"listed"}), ("InUse", set())):
        found = client.list_training_jobs(WarmPoolStatusEquals=status)["TrainingJobSummaries"]
        assert {job["TrainingJobName"] for job in found} == expected
    pages = client.get_paginator("list_training_jobs").paginate(
        WarmPoolStatusEquals="Terminated", PaginationConfig={"PageSize": 2}
    )
    ended = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    assert {"short", "fails"} <= set(ended)
    assert len(ended) == len(set(ended))
    with pytest.raises(ClientError, match="warm pool is Available"):
        client.delete_training_job(TrainingJobName="listed")
    end_pool(server, "listed")
    client.delete_training_job(TrainingJobName="listed")


def test_only_a_job_with_a_pool_is_updated(server: Server) -> None:
    run_job(server, warm_job(server, "cold", 0))
    client = server.client("sagemaker")
    change = {"KeepAlivePeriodInSeconds": 60}
    with pytest.raises(ClientError, match="has no warm pool"):
        client.update_training_job(TrainingJobName="cold", ResourceConfig=change)
    with pytest.raises(ClientError, match="does not support ProfilerConfig"):
        client.update_training_job(TrainingJobName="cold", ProfilerConfig={"DisableProfiler": True})


def test_spot_capacity_is_not_kept(server: Server) -> None:
    limits = {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
    spot = {"EnableManagedSpotTraining": True, "StoppingCondition": limits}
    request = {**warm_job(server, "spot", 60), **spot}
    with pytest.raises(ClientError, match="EnableManagedSpotTraining"):
        server.client("sagemaker").create_training_job(**request)


def test_a_running_job_may_give_up_its_pool(server: Server) -> None:
    client = server.client("sagemaker")
    waits = "import signal\nprint('ready', flush=True)\nsignal.pause()"
    client.create_training_job(**warm_job(server, "gives-up", 600, waits))
    until(lambda: "ready" in log_lines(server, "gives-up"))
    assert pool_of(server, "gives-up")["Status"] == "InUse"
    client.update_training_job(TrainingJobName="gives-up", ResourceConfig={"KeepAlivePeriodInSeconds": 0})
    client.stop_training_job(TrainingJobName="gives-up")
    assert finished(server, "gives-up")["WarmPoolStatus"]["Status"] == "Terminated"
