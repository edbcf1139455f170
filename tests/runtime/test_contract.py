"""The files under /opt/ml."""

import json
import os
from pathlib import Path

import pytest

from sagesse.runtime import contract


def test_training_input_is_written_as_the_contract_says(tmp_path: Path) -> None:
    channels = [
        {
            "ChannelName": "train",
            "ContentType": "text/csv",
            "DataSource": {"S3DataSource": {"S3DataDistributionType": "ShardedByS3Key"}},
        },
        {"ChannelName": "code", "InputMode": "FastFile", "DataSource": {"S3DataSource": {}}},
    ]
    contract.write_training_input(
        tmp_path,
        hyperparameters={"epochs": "3"},
        resource=contract.resource_config(instance_type="ml.m5.large", hosts=["algo-2", "algo-1"]),
        channels=contract.input_data_config(channels),
        more={"checkpointconfig": {"LocalPath": "/opt/ml/checkpoints"}},
    )
    read = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "input/config").iterdir()}
    assert read["hyperparameters"] == {"epochs": "3"}
    assert read["inputdataconfig"] == {
        "train": {
            "ContentType": "text/csv",
            "TrainingInputMode": "File",
            "S3DistributionType": "ShardedByS3Key",
            "RecordWrapperType": "None",
        },
        "code": {
            "TrainingInputMode": "FastFile",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
        },
    }
    assert read["checkpointconfig"] == {"LocalPath": "/opt/ml/checkpoints"}
    assert read["resourceconfig"]["hosts"] == ["algo-1", "algo-2"]


@pytest.mark.parametrize("member", ["network_interface_name", "current_group_name", "current_instance_type"])
def test_resource_config_has_what_the_drivers_index(member: str) -> None:
    assert contract.resource_config(instance_type="ml.m5.large")[member]


def test_processing_input_is_written(tmp_path: Path) -> None:
    contract.write_processing_input(tmp_path, job={"ProcessingJobName": "p"}, resource={"hosts": ["algo-1"]})
    assert json.loads((tmp_path / "config/processingjobconfig.json").read_text()) == {
        "ProcessingJobName": "p"
    }


def test_failure_comes_back_cut_to_1024_characters(tmp_path: Path) -> None:
    contract.write_failure(tmp_path, "\u00e9" * 5000)
    assert contract.read_failure(tmp_path) == "\u00e9" * 1024


def test_no_failure_reads_as_none(tmp_path: Path) -> None:
    assert contract.read_failure(tmp_path) is None
    contract.write_failure(tmp_path, " \n")
    assert contract.read_failure(tmp_path) is None


def test_a_failure_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    (tmp_path / "output/failure").symlink_to(secret)
    assert contract.read_failure(tmp_path) is None


def test_a_failure_that_is_a_pipe_does_not_block(tmp_path: Path) -> None:
    (tmp_path / "output").mkdir()
    os.mkfifo(tmp_path / "output/failure")
    assert contract.read_failure(tmp_path) is None
