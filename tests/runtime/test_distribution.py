"""Where the processes of a job meet."""

import sys
from pathlib import Path

import pytest

from sagesse.runtime import contract
from sagesse.runtime.distribution import World, command, launcher, world_of
from sagesse.runtime.script_setting import read_setting

ARN = "arn:aws:sagemaker:us-east-1:123456789012:training-job/one"


def port(base: Path, monkeypatch: pytest.MonkeyPatch, *, arn: str, token: str) -> int:
    monkeypatch.setenv("TRAINING_JOB_ARN", arn)
    monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    contract.write_training_input(
        base,
        hyperparameters={"sagemaker_program": "train.py"},
        resource=contract.resource_config(instance_type="ml.m5.large"),
        channels={},
    )
    return world_of(read_setting(base), 2).port


def test_each_job_of_each_server_has_a_port_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = port(tmp_path, monkeypatch, arn=ARN, token="a")
    assert here == port(tmp_path, monkeypatch, arn=ARN, token="a")
    others = {
        port(tmp_path, monkeypatch, arn=f"{ARN}-2", token="a"),
        port(tmp_path, monkeypatch, arn=ARN, token="b"),
    }
    assert here not in others
    assert 10_000 <= here < 30_000


@pytest.mark.parametrize(
    ("host", "group", "place"),
    [("algo-1", "data", None), ("algo-2", "train", 0), ("algo-3", "train", 1)],
)
def test_only_the_groups_of_the_distribution_train_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, group: str, place: int | None
) -> None:
    monkeypatch.setenv("SM_NUM_GPUS", "0")
    contract.write_training_input(
        tmp_path,
        hyperparameters={
            "sagemaker_program": "train.py",
            "sagemaker_torch_distributed_enabled": "true",
            "sagemaker_distribution_instance_groups": '["train"]',
        },
        resource=contract.resource_config(
            instance_type="ml.m5.large",
            current_host=host,
            group_name=group,
            groups={"data": ("ml.m5.large", ["algo-1"]), "train": ("ml.m5.large", ["algo-2", "algo-3"])},
        ),
        channels={},
    )
    launch = launcher(read_setting(tmp_path), "python")
    if place is None:
        assert launch is None
    else:
        assert isinstance(launch, World)
        assert (launch.hosts, launch.host_rank) == (("algo-2", "algo-3"), place)


def test_mpirun_starts_the_own_python_of_each_host(monkeypatch: pytest.MonkeyPatch) -> None:
    own = "/runs/first/home/.python/bin/python3"
    monkeypatch.setattr(sys, "executable", own)
    assert command(["mpirun", "-np", "2"], own, [own, "train.py", "--lr", "1"]) == [
        *("mpirun", "-np", "2", "/bin/sh", "-c", 'exec "$HOME/.python/bin/python3" "$@"', "python3"),
        *("train.py", "--lr", "1"),
    ]
    assert command(["mpirun"], own, ["./train.sh"]) == ["mpirun", "./train.sh"]
