"""The engines of a data directory."""

from pathlib import Path

import pytest

from sagesse.engines.jobs.base import JobEngineError
from sagesse.engines.jobs.open import open_engines


def test_by_default_one_engine_does_both(tmp_path: Path) -> None:
    engines = open_engines(tmp_path, "local", "auto")
    assert engines.jobs is engines.processes
    engines.close()


def test_without_ray_the_error_names_the_extra(tmp_path: Path) -> None:
    with pytest.raises(JobEngineError, match=r"sagesse\[ray\]"):
        open_engines(tmp_path, "ray", "auto")


def test_jobs_of_the_other_engine_are_not_started_again(tmp_path: Path) -> None:
    engines = open_engines(tmp_path, "local", "auto")
    engines.jobs.folder("training-x")
    engines.close()
    with pytest.raises(JobEngineError, match="1 runs of 'local' have not been finished"):
        open_engines(tmp_path, "ray", "auto")


def test_a_model_server_hinders_nobody(tmp_path: Path) -> None:
    engines = open_engines(tmp_path, "local", "auto")
    engines.jobs.folder("endpoint-x")
    engines.close()
    with pytest.raises(JobEngineError, match="not installed"):
        open_engines(tmp_path, "ray", "auto")


def test_jobs_on_ray_are_not_started_again_here(tmp_path: Path) -> None:
    (tmp_path / "ray/runs/training-x").mkdir(parents=True)
    with pytest.raises(JobEngineError, match="1 runs of 'ray' have not been finished"):
        open_engines(tmp_path, "local", "auto")
