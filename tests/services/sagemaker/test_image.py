"""Images: the user's own, those whose libraries are missing, and what a job's AWS clients find."""

import importlib.util
import sys
import venv
from pathlib import Path

import pytest

from sagesse.engines.image_registry import Images, OwnImage
from sagesse.testing.server import Server

from .flow import artifact_names, log_lines, make_bucket, run_job, script_job

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.fixture(scope="module", autouse=True)
def _bucket(server: Server) -> None:
    make_bucket(server)


@pytest.fixture(scope="module")
def images(server: Server) -> Images:
    return Images(server.data_dir / "images.json")


def _algorithm(image: str) -> dict[str, str]:
    return {"TrainingImage": f"{REGISTRY}/{image}", "TrainingInputMode": "File"}


def test_an_own_environment_runs_scripts_with_its_packages_only(
    server: Server, images: Images, tmp_path: Path
) -> None:
    home = tmp_path / "env"
    venv.create(home, with_pip=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (home / "lib" / version / "site-packages/torch.py").write_text("WHO = 'mine'\n")
    images.register("own-python", OwnImage(python=str(home / "bin/python")))
    source = (
        "import os, subprocess, sys, torch\n"
        "print(torch.WHO, sys.prefix, os.environ['SM_HP_DEPTH'])\n"
        "print(subprocess.check_output(['python', '-c', 'import sys; print(sys.prefix)'], text=True))\n"
        "open('/opt/ml/model/model.txt', 'w').write('ok')\n"
    )
    request = script_job(server, "own-env", source, AlgorithmSpecification=_algorithm("own-python:3"))
    request["HyperParameters"]["depth"] = "7"
    facts = run_job(server, request)
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    lines = log_lines(server, "own-env")
    assert lines[:2] == [f"mine {home} 7", str(home)]
    assert artifact_names(server, facts["ModelArtifacts"]["S3ModelArtifacts"]) == ["model.txt"]


def test_an_own_program_is_called_as_a_container_is(server: Server, images: Images, tmp_path: Path) -> None:
    program = tmp_path / "container.sh"
    program.write_text(
        '#!/bin/sh\necho "$1 $(cat /opt/ml/input/config/hyperparameters.json | tr -d "\\n ")"\n'
    )
    program.chmod(0o755)
    images.register("own-program:1", OwnImage(command=(str(program),)))
    request = script_job(server, "own-program", "", AlgorithmSpecification=_algorithm("own-program:1"))
    request["HyperParameters"] = {"k": "v"}
    facts = run_job(server, request)
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert log_lines(server, "own-program") == ['train {"k":"v"}']


@pytest.mark.parametrize(
    ("image", "library"), [("mxnet-training", "mxnet"), ("autogluon-training", "autogluon.tabular")]
)
def test_an_image_whose_library_is_missing_fails_with_what_to_install(
    server: Server, image: str, library: str
) -> None:
    request = script_job(server, f"no-{image}", "", AlgorithmSpecification=_algorithm(f"{image}:1.9"))
    facts = run_job(server, request)
    assert facts["TrainingJobStatus"] == "Failed"
    assert f"needs {library}, not installed here" in facts["FailureReason"]
    assert f"sagesse image add {image}" in facts["FailureReason"]


def test_an_image_whose_extra_is_missing_fails_with_its_name(server: Server) -> None:
    if importlib.util.find_spec("pysail") is not None:
        pytest.skip("the extra `spark` is installed here")
    request = script_job(
        server, "no-spark", "", AlgorithmSpecification=_algorithm("sagemaker-spark-processing:3.3")
    )
    reason = run_job(server, request)["FailureReason"]
    assert "needs pysail" in reason
    assert "pip install 'sagesse[spark]'" in reason


def test_scikit_learn_scripts_find_it_loaded(server: Server) -> None:
    source = (
        "import sys\nprint('sklearn' in sys.modules)\nfrom sklearn.linear_model import LinearRegression\n"
    )
    specification = _algorithm("sagemaker-scikit-learn:1.2-1-cpu-py3")
    facts = run_job(server, script_job(server, "sklearn", source, AlgorithmSpecification=specification))
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert log_lines(server, "sklearn") == ["True"]


def test_clients_with_built_in_hosts_come_home_from_a_job(server: Server) -> None:
    source = (
        "import boto3\n"
        "sts = boto3.client('sts', endpoint_url='https://sts.us-east-1.amazonaws.com')\n"
        "print(sts.get_caller_identity()['Arn'])\n"
    )
    facts = run_job(server, script_job(server, "home", source))
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert log_lines(server, "home") == ["arn:aws:sts::123456789012:assumed-role/sagemaker/SageMaker"]


def test_a_job_s_credentials_last_as_long_as_it_may_run_and_end_with_it(server: Server) -> None:
    source = (
        "import os\n"
        "for name in ('ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'SESSION_TOKEN'):\n"
        "    print(os.environ[f'AWS_{name}'])\n"
    )
    request = script_job(server, "long", source, StoppingCondition={"MaxRuntimeInSeconds": 400_000})
    facts = run_job(server, request)
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    key, secret, token = log_lines(server, "long")
    ended = server.client("sts", aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token)
    with pytest.raises(ended.exceptions.ClientError, match="ExpiredToken"):
        ended.get_caller_identity()
