"""What script mode tells a script."""

import json
from pathlib import Path
from typing import Any

import pytest

from sagesse.runtime import contract
from sagesse.runtime.script_setting import decode_hyperparameter, read_setting, to_arguments, to_variables


@pytest.mark.parametrize(
    ("hyperparameters", "arguments"),
    [
        ({}, []),
        ({"epochs": 3}, ["--epochs", "3"]),
        ({"k": 5}, ["-k", "5"]),
        ({"b": 1, "a": 2}, ["-a", "2", "-b", "1"]),
        ({"opt": {"b": 2, "a": 1}}, ["--opt", "a=1,b=2"]),
        ({"none": None}, ["--none", ""]),
        ({"yes": True, "no": False}, ["--no", "False", "--yes", "True"]),
        ({"list": [1, 2]}, ["--list", "[1, 2]"]),
        ({"text": "two words"}, ["--text", "two words"]),
        ({"learning-rate": 1e-05}, ["--learning-rate", "1e-05"]),
    ],
)
def test_hyperparameters_become_arguments(hyperparameters: dict[str, Any], arguments: list[str]) -> None:
    assert to_arguments(hyperparameters) == arguments


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"adam"', "adam"),
        ("adam", "adam"),
        ("0.1", 0.1),
        ("true", True),
        ("True", "True"),
        ("[1]", [1]),
        ("", ""),
    ],
)
def test_a_value_is_json_or_text(text: str, value: object) -> None:
    assert decode_hyperparameter(text) == value


@pytest.fixture
def variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name in ("SAGEMAKER_PROGRAM", "SAGEMAKER_SUBMIT_DIRECTORY", "PYTHONPATH", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    contract.write_training_input(
        tmp_path,
        hyperparameters={
            "epochs": "3",
            "opt": '"adam"',
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": '"s3://bucket/sourcedir.tar.gz"',
            "sagemaker_job_name": '"job-1"',
            "sagemaker_region": '"eu-central-1"',
            "sagemaker_container_log_level": "10",
            "sagemaker_mpi_enabled": "false",
        },
        resource=contract.resource_config(instance_type="ml.m5.large"),
        channels=contract.input_data_config([{"ChannelName": "train"}]),
    )
    return to_variables(read_setting(tmp_path))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SM_USER_ENTRY_POINT", "train.py"),
        ("SM_MODULE_NAME", "train"),
        ("SM_MODULE_DIR", "s3://bucket/sourcedir.tar.gz"),
        ("SM_HPS", '{"epochs":3,"opt":"adam"}'),
        ("SM_HP_EPOCHS", "3"),
        ("SM_HP_OPT", "adam"),
        ("SM_USER_ARGS", '["--epochs","3","--opt","adam"]'),
        ("SM_FRAMEWORK_PARAMS", '{"sagemaker_mpi_enabled":false}'),
        ("SM_CHANNELS", '["train"]'),
        ("SM_HOSTS", '["algo-1"]'),
        ("SM_CURRENT_HOST", "algo-1"),
        ("SM_CURRENT_INSTANCE_TYPE", "ml.m5.large"),
        ("SM_CURRENT_INSTANCE_GROUP", "homogeneousCluster"),
        ("SM_CURRENT_INSTANCE_GROUP_HOSTS", '["algo-1"]'),
        ("SM_INSTANCE_GROUPS", '["homogeneousCluster"]'),
        ("SM_DISTRIBUTION_INSTANCE_GROUPS", "[]"),
        ("SM_IS_HETERO", "false"),
        ("SM_NETWORK_INTERFACE_NAME", "lo"),
        ("SM_LOG_LEVEL", "10"),
        ("SM_FRAMEWORK_MODULE", ""),
        ("SM_NUM_CPUS", "2"),
        ("SM_NUM_NEURONS", "0"),
        ("SAGEMAKER_JOB_NAME", "job-1"),
        ("SAGEMAKER_REGION", "eu-central-1"),
        ("CURRENT_HOST", "algo-1"),
    ],
)
def test_a_variable_has_the_toolkits_value(variables: dict[str, str], name: str, value: str) -> None:
    assert variables[name] == value


@pytest.mark.parametrize(
    ("name", "below"),
    [
        ("SM_MODEL_DIR", "model"),
        ("SM_OUTPUT_DIR", "output"),
        ("SM_OUTPUT_DATA_DIR", "output/data"),
        ("SM_OUTPUT_INTERMEDIATE_DIR", "output/intermediate"),
        ("SM_INPUT_DIR", "input"),
        ("SM_INPUT_CONFIG_DIR", "input/config"),
        ("SM_CHANNEL_TRAIN", "input/data/train"),
    ],
)
def test_a_folder_variable_is_under_the_base(
    variables: dict[str, str], tmp_path: Path, name: str, below: str
) -> None:
    assert variables[name] == str(tmp_path / below)


def test_code_comes_first_and_stand_ins_last(variables: dict[str, str], tmp_path: Path) -> None:
    first, *_, horovod, xgboost = variables["PYTHONPATH"].split(":")
    assert first == str(tmp_path / "code")
    assert (Path(horovod) / "horovod/torch/__init__.py").is_file()
    assert (Path(xgboost) / "sagemaker_xgboost_container/__init__.py").is_file()


def test_the_training_env_holds_the_whole_setting(variables: dict[str, str], tmp_path: Path) -> None:
    env = json.loads(variables["SM_TRAINING_ENV"])
    assert env["hyperparameters"] == {"epochs": 3, "opt": "adam"}
    assert env["channel_input_dirs"] == {"train": str(tmp_path / "input/data/train")}
    assert (env["is_master"], env["job_name"], env["user_entry_point"]) == (True, "job-1", "train.py")


def test_topology_is_set_only_when_given(variables: dict[str, str]) -> None:
    assert "SM_TOPOLOGY" not in variables


def test_instance_groups_are_told_as_the_toolkit_tells_them(tmp_path: Path) -> None:
    contract.write_training_input(
        tmp_path,
        hyperparameters={"sagemaker_program": '"train.py"', "sagemaker_mpi_enabled": "true"},
        resource=contract.resource_config(
            instance_type="ml.m5.large",
            current_host="algo-2",
            group_name="a",
            groups={"z": ("ml.m5.large", ["algo-1"]), "a": ("ml.m5.large", ["algo-2"])},
        ),
        channels={},
    )
    told = to_variables(read_setting(tmp_path))
    assert told["SM_INSTANCE_GROUPS"] == '["z","a"]'
    assert told["SM_IS_HETERO"] == "true"
    assert told["SM_DISTRIBUTION_INSTANCE_GROUPS"] == '["a"]'
    env = json.loads(told["SM_TRAINING_ENV"])
    assert (env["distribution_hosts"], env["master_hostname"], env["is_master"]) == (
        ["algo-2"],
        "algo-2",
        True,
    )
