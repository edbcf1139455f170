"""SageMaker SDK v3: ModelTrainer with a Python script, a shell script, and a built-in algorithm."""

import json
import logging
from pathlib import Path

from rows import write_rows
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import InputData, SourceCode

logging.basicConfig(level=logging.INFO, format="%(message)s")  # where the SDK tells a job's lines
HERE = str(Path(__file__).parent)
PYTORCH = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.1-cpu-py310"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"

role = get_execution_role()
rows = Session().upload_data(write_rows(), key_prefix="v3/rows")
channel = InputData(channel_name="training", data_source=rows)
table = InputData(channel_name="train", data_source=rows, content_type="text/csv")


def train(image: str, data: InputData, script: str = "", **hyperparameters: object) -> str:
    source = SourceCode(source_dir=HERE, entry_script=script) if script else None
    trainer = ModelTrainer(
        training_image=image, role=role, source_code=source, hyperparameters=hyperparameters or None
    )
    trainer.train(input_data_config=[data], logs=script.endswith(".py"))
    return trainer._latest_training_job.model_artifacts.s3_model_artifacts


artifacts = [
    train(PYTORCH, channel, "train.py", alpha=0.5, name="shipped"),
    train(PYTORCH, channel, "train.sh"),
    train(XGBOOST, table, num_round=3, objective="binary:logistic"),
]
print("\n" + json.dumps({"role": role, "artifacts": artifacts}))
