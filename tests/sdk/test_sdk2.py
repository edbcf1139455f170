"""Version 2 of the SageMaker SDK, unmodified. Seconds each: the SDK looks at a job every five seconds at best."""

from pathlib import Path

import pytest

from .client import Client

pytestmark = [pytest.mark.sdk, pytest.mark.timeout(1800)]  # the first test installs the SDK

BUCKET = "sagemaker-us-east-1-123456789012"


def test_a_built_in_algorithm_goes_from_upload_to_deletion(client: Client, sdk2: Path) -> None:
    answer = client.flow("v2_builtin", sdk2)
    assert answer["role"] == "arn:aws:iam::123456789012:role/sagemaker"
    assert answer["bucket"] == BUCKET
    assert answer["uploaded"] == f"s3://{BUCKET}/v2/rows/rows.csv"
    assert answer["artifacts"].startswith(f"s3://{BUCKET}/")
    assert answer["hyperparameters"]["objective"] == "binary:logistic"
    assert answer["metrics"] == ["train:error", "validation:error"]
    assert answer["scores"][0] > 0.5 > answer["scores"][1]
    assert answer["is_unchanged"]


def test_a_script_is_trained_and_served_in_framework_images(client: Client, sdk2: Path) -> None:
    answer = client.flow("v2_script", sdk2)
    assert any("two words saw 100 rows" in line for line in answer["log"])
    assert answer["losses"] == [0.25]
    assert answer["answers"] == [[[0.5, 1.0]], [[0.5, 1.0]]]


def test_a_failed_job_is_told_with_its_reason(client: Client, sdk2: Path) -> None:
    answer = client.flow("v2_failure", sdk2)
    assert answer["status"] == "Failed"
    assert "num_round: 'many' is not allowed" in answer["message"]


@pytest.mark.slow
def test_images_are_classified_by_the_built_in_algorithm(client: Client, sdk2: Path) -> None:
    answer = client.flow("v2_image", sdk2)
    assert answer["metric"] == "validation:accuracy"
    assert [len(scores) for scores in answer["scores"]] == [2, 2]
    assert all(0.99 < sum(scores) < 1.01 for scores in answer["scores"])


def test_estimators_run_on_spot_capacity_are_attached_to_and_stopped(client: Client, sdk2: Path) -> None:
    answer = client.flow("v2_estimators", sdk2)
    assert answer["spot"] == ["Completed", True]
    assert answer["boosted"] == "Completed"
    assert answer["attached"] == [True, "0.5"]
    assert answer["stopped"] == "Stopped"


def test_processors_run_scripts_and_folders(client: Client, sdk2: Path) -> None:
    answer = client.flow("v2_processors", sdk2)
    assert answer["answers"] == ["alone 100", "alone 100", "counted 100"]
    assert answer["arguments"]["ContainerArguments"] == ["--name", "two words"]
