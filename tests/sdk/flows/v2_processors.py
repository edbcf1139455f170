"""SageMaker SDK v2: a script processed in scikit-learn's image, one of its own command, and a folder in PyTorch's."""

import json
import tempfile
from pathlib import Path

import sagemaker
from rows import write_rows
from sagemaker.processing import (
    FrameworkProcessor,
    ProcessingInput,
    ProcessingOutput,
    Processor,
    ScriptProcessor,
)
from sagemaker.pytorch import PyTorch
from sagemaker.s3 import S3Downloader
from sagemaker.sklearn import SKLearnProcessor

session = sagemaker.Session()
role = sagemaker.get_execution_role()
rows = session.upload_data(write_rows(), key_prefix="processors/rows")
folder = Path(tempfile.mkdtemp())
(folder / "words.py").write_text("WORD = 'counted'\n")
(folder / "count.py").write_text(
    "import argparse, pathlib\n"
    "from words import WORD\n"
    "asked = argparse.ArgumentParser()\n"
    "asked.add_argument('--name')\n"
    "name = asked.parse_args().name\n"
    "place = pathlib.Path('/opt/ml/processing')\n"
    "lines = sum(len(file.read_text().splitlines()) for file in (place / 'input/rows').iterdir())\n"
    "(place / 'output' / name).write_text(f'{WORD} {lines}')\n"
)
(folder / "alone.py").write_text(
    (folder / "count.py").read_text().replace("from words import WORD", "WORD = 'alone'")
)
common = {"role": role, "instance_count": 1, "instance_type": "ml.m5.large"}


def told(processor: Processor, name: str, **more: str) -> str:
    """What the processor's job wrote."""
    target = f"s3://{session.default_bucket()}/processors/{name}"
    processor.run(
        inputs=[ProcessingInput(source=rows, destination="/opt/ml/processing/input/rows")],
        outputs=[ProcessingOutput(source="/opt/ml/processing/output", destination=target)],
        arguments=["--name", "two words"],
        wait=False,
        **more,
    )
    job = processor.latest_job
    facts = session.wait_for_processing_job(job.job_name, poll=1)
    if facts["ProcessingJobStatus"] != "Completed":
        return facts["FailureReason"]
    return S3Downloader.read_file(f"{target}/two words")


sklearn = SKLearnProcessor(framework_version="1.2-1", **common)
script = ScriptProcessor(
    image_uri=sagemaker.image_uris.retrieve("sklearn", "us-east-1", version="1.2-1"),
    command=["python3"],
    **common,
)
framework = FrameworkProcessor(PyTorch, framework_version="2.1", py_version="py310", **common)
answers = [
    told(sklearn, "sklearn", code=str(folder / "alone.py")),
    told(script, "script", code=str(folder / "alone.py")),
    told(framework, "framework", code="count.py", source_dir=str(folder)),
]
print("\n" + json.dumps({"answers": answers, "arguments": sklearn.jobs[0].describe()["AppSpecification"]}))
