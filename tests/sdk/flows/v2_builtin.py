"""SageMaker SDK v2: a built-in algorithm from upload to deletion, polled each second where the SDK lets us."""

import json

import sagemaker
from rows import write_rows
from sagemaker.deserializers import CSVDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

session = sagemaker.Session()
role = sagemaker.get_execution_role()
image = sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")
rows = session.upload_data(write_rows(), key_prefix="v2/rows")
estimator = Estimator(
    image_uri=image,
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    hyperparameters={"num_round": 5, "objective": "binary:logistic", "eval_metric": "error"},
)
table = TrainingInput(rows, content_type="text/csv")
estimator.fit({"train": table, "validation": table}, wait=False)
job = estimator.latest_training_job.name
session.wait_for_job(job, poll=1)

attached = Estimator.attach(job)
metrics = attached.training_job_analytics.dataframe()
predictor = attached.deploy(
    1, "ml.m5.large", serializer=CSVSerializer(), deserializer=CSVDeserializer(), wait=False
)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)
scores = predictor.predict([[9, 9], [1, 1]])[0]
predictor.update_endpoint(initial_instance_count=1, instance_type="ml.c5.large", wait=False)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)
scores_after_update = predictor.predict([[9, 9], [1, 1]])[0]
predictor.delete_model()
predictor.delete_endpoint()
answer = {
    "role": role,
    "bucket": session.default_bucket(),
    "uploaded": rows,
    "artifacts": attached.model_data,
    "hyperparameters": attached.hyperparameters(),
    "metrics": sorted(metrics["metric_name"]),
    "scores": [float(score) for score in scores],
    "is_unchanged": scores_after_update == scores,
}
print("\n" + json.dumps(answer))
