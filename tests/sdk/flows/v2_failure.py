"""SageMaker SDK v2: what a user sees of a job that cannot succeed."""

import json

import sagemaker
from rows import write_rows
from sagemaker.estimator import Estimator
from sagemaker.exceptions import UnexpectedStatusException

session = sagemaker.Session()
estimator = Estimator(
    image_uri=sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1"),
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    hyperparameters={"num_round": "many"},
)
rows = session.upload_data(write_rows(), key_prefix="failure/rows")
try:
    estimator.fit({"train": rows}, logs="None")
except UnexpectedStatusException as error:
    print("\n" + json.dumps({"status": error.actual_status, "message": str(error)}))
