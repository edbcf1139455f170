"""SageMaker SDK v2: scripts of scikit-learn and XGBoost, spot capacity with checkpoints, attaching and stopping."""

import json
from pathlib import Path

import sagemaker
from rows import write_rows
from sagemaker.estimator import EstimatorBase
from sagemaker.sklearn import SKLearn
from sagemaker.xgboost import XGBoost

session = sagemaker.Session()
role = sagemaker.get_execution_role()
here = str(Path(__file__).parent)
common = {
    "entry_point": "train.py",
    "source_dir": here,
    "role": role,
    "instance_count": 1,
    "instance_type": "ml.m5.large",
    "hyperparameters": {"alpha": 0.5, "name": "estimators"},
}
rows = session.upload_data(write_rows(), key_prefix="estimators/rows")


def fit(estimator: EstimatorBase) -> dict[str, object]:
    estimator.fit({"training": rows}, wait=False)
    return session.wait_for_job(estimator.latest_training_job.name, poll=1)


forest = SKLearn(
    framework_version="1.2-1",
    use_spot_instances=True,
    max_run=600,
    max_wait=1200,
    checkpoint_s3_uri=f"s3://{session.default_bucket()}/estimators/checkpoints",
    **common,
)
spot = fit(forest)
boosted = fit(XGBoost(framework_version="1.7-1", **common))
attached = SKLearn.attach(spot["TrainingJobName"])

endless = SKLearn(framework_version="1.2-1", **{**common, "entry_point": "endless.py"})
endless.fit({"training": rows}, wait=False)
endless.latest_training_job.stop()
stopped = session.wait_for_job(endless.latest_training_job.name, poll=1)
print(
    "\n"
    + json.dumps(
        {
            "spot": [
                spot["TrainingJobStatus"],
                spot["BillableTimeInSeconds"] <= spot["TrainingTimeInSeconds"],
            ],
            "boosted": boosted["TrainingJobStatus"],
            "attached": [attached.model_data == forest.model_data, attached.hyperparameters()["alpha"]],
            "stopped": stopped["TrainingJobStatus"],
        }
    )
)
