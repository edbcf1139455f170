"""SageMaker SDK v3: ModelTrainer on two instances, its own driver starting torchrun on each."""

import json
from pathlib import Path

from sagemaker.core.helper.session_helper import get_execution_role
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, SourceCode
from sagemaker.train.distributed import Torchrun

PYTORCH = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.1-cpu-py310"

trainer = ModelTrainer(
    training_image=PYTORCH,
    role=get_execution_role(),
    source_code=SourceCode(source_dir=str(Path(__file__).parent), entry_script="sum_over_hosts.py"),
    compute=Compute(instance_type="ml.t3.medium", instance_count=2),
    distributed=Torchrun(process_count_per_node=1),
)
trainer.train(logs=False)
job = trainer._latest_training_job
print("\n" + json.dumps({"model": job.model_artifacts.s3_model_artifacts}))
