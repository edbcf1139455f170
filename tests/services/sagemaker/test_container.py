"""Jobs in containers, with a program in the place of Podman that does what is asked in plain processes.

It keeps what it was asked; a real Podman is tried by hand (docs/jobs.md).
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagesse.testing.server import Server

from .flow import artifact_names, log_lines, make_bucket, run_job, script_job

HELD = "team/trainer:2"
PODMAN = """\
#!/usr/bin/env python3
import json, os, pathlib, subprocess, sys
asked = sys.argv[1:]
with open(pathlib.Path(__file__).with_name("asked"), "a") as file:
    file.write(json.dumps(asked) + "\\n")
if asked[:2] == ["image", "inspect"]:
    sys.exit(asked[-1] != "team/trainer:2")
if asked[0] == "run":
    image = asked.index("team/trainer:2")
    volumes = dict(reversed(asked[n + 1].split(":")[:2]) for n in range(image) if asked[n] == "--volume")
    passed = sorted(asked[n + 1] for n in range(image) if asked[n] == "--env")
    print("arguments", asked[image + 1 :], "COLOUR" in passed and os.environ["COLOUR"])
    pathlib.Path(volumes["/opt/ml"], "model/made").write_text("in a container")
"""


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("podman")
    (folder / "podman").write_text(PODMAN)
    (folder / "podman").chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def server(podman: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{podman}:{os.environ['PATH']}")
        with Server(tmp_path_factory.mktemp("server")) as running:
            make_bucket(running)
            yield running


def _job(server: Server, name: str, image: str, **specification: Any) -> dict[str, Any]:
    asked = {"TrainingImage": image, "TrainingInputMode": "File", **specification}
    return script_job(server, name, "", AlgorithmSpecification=asked, Environment={"COLOUR": "blue"})


def test_an_image_that_podman_holds_is_run_and_its_container_removed(server: Server, podman: Path) -> None:
    facts = run_job(server, _job(server, "held", f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{HELD}"))
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert log_lines(server, "held") == ["arguments ['train'] blue"]
    assert artifact_names(server, facts["ModelArtifacts"]["S3ModelArtifacts"]) == ["made"]
    asked = [json.loads(line) for line in (podman / "asked").read_text().splitlines()]
    (run,) = [words for words in asked if words[0] == "run"]
    name = run[run.index("--name") + 1]
    assert ["rm", "--force", name] in asked
    assert "blue" not in " ".join(run)  # values are not in the list of processes


def test_the_request_s_entry_point_replaces_the_image_s(server: Server) -> None:
    entry = {"ContainerEntrypoint": ["python3", "x.py"], "ContainerArguments": ["--fast"]}
    facts = run_job(server, _job(server, "entry", HELD, **entry))
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    assert log_lines(server, "entry") == ["arguments ['x.py', '--fast'] blue"]


def test_an_image_that_nobody_holds_is_unknown(server: Server) -> None:
    facts = run_job(server, _job(server, "unknown", "team/other:1"))
    assert facts["TrainingJobStatus"] == "Failed"
    assert "no local recipe runs the image 'team/other:1'" in facts["FailureReason"]


TWO = {"InstanceType": "ml.t3.medium", "InstanceCount": 2, "VolumeSizeInGB": 1}


def test_containers_of_several_instances_know_each_other(server: Server, podman: Path) -> None:
    (podman / "asked").unlink(missing_ok=True)
    facts = run_job(server, _job(server, "several", HELD) | {"ResourceConfig": TWO})
    assert facts["TrainingJobStatus"] == "Completed", facts.get("FailureReason")
    asked = [json.loads(line) for line in (podman / "asked").read_text().splitlines()]
    runs = [arguments for arguments in asked if arguments[0] == "run"]
    assert sorted(run[run.index("--hostname") + 1] for run in runs) == ["algo-1", "algo-2"]
    assert all(any(part.startswith("--add-host=algo-2:127.") for part in run) for run in runs)


def test_isolated_containers_of_several_instances_are_refused(server: Server) -> None:
    request = _job(server, "cut-off", HELD) | {"ResourceConfig": TWO, "EnableNetworkIsolation": True}
    facts = run_job(server, request)
    assert facts["FailureReason"].startswith("ClientError: EnableNetworkIsolation is not supported")
