"""SageMaker SDK v2: a user's script, trained in one framework's image and served in another's."""

import json
from pathlib import Path

import sagemaker
from rows import write_rows
from sagemaker.pytorch import PyTorch
from sagemaker.sklearn import SKLearnModel

session = sagemaker.Session()
role = sagemaker.get_execution_role()
here = str(Path(__file__).parent)
estimator = PyTorch(
    entry_point="train.py",
    source_dir=here,
    framework_version="2.1",
    py_version="py310",
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    hyperparameters={"alpha": 0.5, "name": "two words"},
    metric_definitions=[{"Name": "loss", "Regex": "loss=(.*?);"}],
)
rows = session.upload_data(write_rows(), key_prefix="script/rows")
estimator.fit({"training": rows}, logs="All")
losses = list(estimator.training_job_analytics.dataframe()["value"])

repacked = estimator.deploy(1, "ml.m5.large", entry_point="train.py", source_dir=here, wait=False)
fetched = SKLearnModel(
    estimator.model_data, role, "train.py", source_dir=here, framework_version="1.2-1"
).deploy(1, "ml.m5.large", wait=False)
answers = []
for predictor in (repacked, fetched):
    session.wait_for_endpoint(predictor.endpoint_name, poll=1)
    answers.append(predictor.predict([[1, 2]]).tolist())
    predictor.delete_endpoint()
print("\n" + json.dumps({"losses": losses, "answers": answers}))
