"""The folder of a job in script mode that has one file to run."""

from pathlib import Path

from sagesse.engines.jobs.local import LocalJobs
from sagesse.runtime import contract


def place_script(engine: LocalJobs, run_id: str, text: str) -> Path:
    """Write ``train.py`` and the contract of a run; its folder."""
    folder = engine.folder(run_id)
    contract.write_training_input(
        folder / "ml",
        hyperparameters={"sagemaker_program": "train.py"},
        resource=contract.resource_config(instance_type="ml.m5.large"),
        channels={},
    )
    (folder / "ml/code/train.py").write_text(text)
    return folder
