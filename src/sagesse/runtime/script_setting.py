"""What script mode tells a user's script: its arguments and its ``SM_*`` variables.

Source: aws/sagemaker-training-toolkit 5.1 (behaviour of `environment` and `mapping`, not its code).
"""

import importlib.util
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sagesse.runtime.contract import read_config

_CONSUMED = {
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "sagemaker_region",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_s3_output",
    "default_user_module_name",
    "_tuning_objective_metric",
}
_STAND_INS = {"horovod": "site", "sagemaker_xgboost_container": "xgboost_site"}
_DISTRIBUTES = (
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
)


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class ScriptSetting(NamedTuple):
    """One script-mode run: what the contract files and the environment say, decoded.

    Attributes:
        hyperparameters: the user's own.
        framework: the other ``sagemaker_*`` ones (distribution settings).
        platform: the ``sagemaker_*`` ones that the toolkit itself uses.
    """

    base: Path
    hyperparameters: dict[str, Any]
    framework: dict[str, Any]
    platform: dict[str, Any]
    resource: dict[str, Any]
    channels: dict[str, Any]

    @property
    def entry_point(self) -> str | None:
        """The user's program, relative to the code folder."""
        return os.environ.get("SAGEMAKER_PROGRAM") or self.platform.get("sagemaker_program")

    @property
    def submit_directory(self) -> str:
        """Where the user's code comes from: an ``s3://`` archive, or a folder or archive that the job sees."""
        given = self.platform.get("sagemaker_submit_directory") or os.environ.get(
            "SAGEMAKER_SUBMIT_DIRECTORY"
        )
        return given or str(self.code)

    @property
    def code(self) -> Path:
        """The folder of the user's code."""
        return self.base / "code"

    @property
    def module_name(self) -> str:
        """The program's name without ``.py``."""
        return (self.entry_point or "").removesuffix(".py")

    @property
    def group(self) -> str:
        """The instance group of this host."""
        return self.resource.get("current_group_name", "homogeneousCluster")

    @property
    def groups(self) -> dict[str, dict[str, Any]]:
        """All instance groups by name, in the order of the job."""
        groups: list[dict[str, Any]] = self.resource.get("instance_groups", [])
        return {group["instance_group_name"]: group for group in groups}

    @property
    def distribution_groups(self) -> list[str]:
        """The instance groups whose hosts train together; empty when each host is on its own."""
        given = self.framework.get("sagemaker_distribution_instance_groups")
        if isinstance(given, list):
            return [str(name) for name in given]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return [self.group] if any(self.framework.get(name) for name in _DISTRIBUTES) else []

    @property
    def distribution_hosts(self) -> list[str]:
        """The hosts that train together, in the order of their groups."""
        taking_part = [group for name, group in self.groups.items() if name in self.distribution_groups]
        return [host for group in taking_part for host in group["hosts"]]

    @property
    def cpu_count(self) -> int:
        """How many threads the job may use: the platform's budget, which it owns."""
        return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))


def read_setting(base: Path) -> ScriptSetting:
    """The setting of the job whose ``/opt/ml`` is `base`."""
    user: dict[str, Any] = {}
    framework: dict[str, Any] = {}
    platform: dict[str, Any] = {}
    for name, text in read_config(base, "hyperparameters").items():
        kind = platform if name in _CONSUMED else framework if name.startswith("sagemaker_") else user
        kind[name] = decode_hyperparameter(text)
    resource, channels = read_config(base, "resourceconfig"), read_config(base, "inputdataconfig")
    return ScriptSetting(base, user, framework, platform, resource, channels)


def decode_hyperparameter(text: object) -> Any:
    """A hyperparameter's value: the SDK writes each one as JSON, other clients as plain text."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def to_arguments(hyperparameters: Mapping[str, Any]) -> list[str]:
    """Hyperparameters as the script's arguments, sorted by name: ``--epochs 3 -k 5 --opt a=1,b=2``."""
    arguments: list[str] = []
    for name in sorted(hyperparameters):
        arguments += [f"--{name}" if len(name) > 1 else f"-{name}", _argument(hyperparameters[name])]
    return arguments


def _argument(value: object) -> str:
    match value:
        case None:
            return ""
        case dict():
            return ",".join(f"{key}={item}" for key, item in sorted(value.items()))  # pyright: ignore
        case _:
            return str(value)


def to_variables(setting: ScriptSetting) -> dict[str, str]:
    """Every variable the toolkit sets for the script, ready for the environment."""
    values = _described(setting)
    values["training_env"] = _training_env(setting, values)
    values |= {f"channel_{name}": _channel_path(setting, name) for name in setting.channels}
    values |= {f"hp_{name}": value for name, value in setting.hyperparameters.items()}
    variables = {f"SM_{name.upper()}": _variable(value) for name, value in values.items()}
    if "topology" in setting.resource:
        variables["SM_TOPOLOGY"] = _variable(setting.resource["topology"])
    path = [str(setting.code), os.environ.get("PYTHONPATH", ""), *stand_ins()]
    return variables | {
        "SAGEMAKER_JOB_NAME": str(_job_name(setting)),
        "SAGEMAKER_REGION": str(setting.platform.get("sagemaker_region") or os.environ.get("AWS_REGION", "")),
        "CURRENT_HOST": str(values["current_host"]),
        "PYTHONPATH": os.pathsep.join(entry for entry in path if entry),
    }


def stand_ins() -> list[str]:
    """Where packages lie that scripts expect and that are written anew here, unless the real ones are installed."""
    return [
        str(Path(__file__).parent / folder)
        for package, folder in _STAND_INS.items()
        if importlib.util.find_spec(package) is None
    ]


def _variable(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return _encode(value)


def _channel_path(setting: ScriptSetting, name: str) -> str:
    return str(setting.base / "input/data" / name)


def _job_name(setting: ScriptSetting) -> Any:
    return setting.platform.get("sagemaker_job_name") or os.environ.get("TRAINING_JOB_NAME")


def _described(setting: ScriptSetting) -> dict[str, Any]:
    base = setting.base
    return {
        **_described_hosts(setting),
        "hps": setting.hyperparameters,
        "user_entry_point": setting.entry_point,
        "framework_params": setting.framework,
        "resource_config": setting.resource,
        "input_data_config": setting.channels,
        "output_data_dir": str(base / "output/data"),
        "channels": sorted(setting.channels),
        "module_name": setting.module_name,
        "log_level": setting.platform.get("sagemaker_container_log_level", 20),
        "framework_module": os.environ.get("SAGEMAKER_TRAINING_MODULE"),
        "input_dir": str(base / "input"),
        "input_config_dir": str(base / "input/config"),
        "output_dir": str(base / "output"),
        "num_cpus": setting.cpu_count,
        "num_gpus": _gpu_count(),
        "num_neurons": 0,
        "model_dir": str(base / "model"),
        "module_dir": setting.submit_directory,
        "user_args": to_arguments(setting.hyperparameters),
        "output_intermediate_dir": str(base / "output/intermediate"),
    }


def _described_hosts(setting: ScriptSetting) -> dict[str, Any]:
    resource, groups = setting.resource, setting.groups
    hosts: list[str] = resource.get("hosts", ["algo-1"])
    return {
        "hosts": hosts,
        "network_interface_name": resource.get("network_interface_name", "eth0"),
        "current_host": resource.get("current_host", hosts[0]),
        "current_instance_type": resource.get("current_instance_type", "local"),
        "current_instance_group": setting.group,
        "current_instance_group_hosts": groups.get(setting.group, {}).get("hosts", []),
        "instance_groups": list(groups),
        "instance_groups_dict": groups,
        "distribution_instance_groups": setting.distribution_groups,
        "is_hetero": len(groups) > 1,
    }


def _training_env(setting: ScriptSetting, described: Mapping[str, Any]) -> dict[str, Any]:
    renamed = {"hps": "hyperparameters", "framework_params": "additional_framework_parameters"}
    own = {name: value for name, value in described.items() if name not in {"channels", "user_args"}}
    hosts: list[str] = described["hosts"]
    master = (setting.distribution_hosts or hosts)[0]
    return {renamed.get(name, name): value for name, value in own.items()} | {
        "channel_input_dirs": {name: _channel_path(setting, name) for name in setting.channels},
        "distribution_hosts": setting.distribution_hosts,
        "is_master": described["current_host"] == master,
        "is_modelparallel_enabled": None,
        "is_smddpmprun_installed": False,
        "is_smddprun_installed": False,
        "job_name": _job_name(setting),
        "master_hostname": master,
        "topology": setting.resource.get("topology", []),
    }


def _gpu_count() -> int:
    """How many GPUs the job may see; counted without loading a GPU library."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip() not in {"", "-1"}])
    return len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
