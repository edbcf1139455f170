"""SageMaker SDK v3: a model from a job's artifacts, served and asked, by ModelBuilder and by the resource classes."""

import json

from rows import write_rows
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant
from sagemaker.serve import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import InputData

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"
PLACE = "ml.m5.large"

session = Session()
role = get_execution_role()
rows = session.upload_data(write_rows(), key_prefix="v3/rows")
trainer = ModelTrainer(
    training_image=XGBOOST, role=role, hyperparameters={"num_round": 5, "objective": "binary:logistic"}
)
trainer.train(input_data_config=[InputData(channel_name="train", data_source=rows, content_type="text/csv")])
artifacts = trainer._latest_training_job.model_artifacts.s3_model_artifacts


def ask(endpoint: Endpoint) -> float:
    return float(endpoint.invoke(body="9,9", content_type="text/csv").body.read())


builder = ModelBuilder(
    image_uri=XGBOOST,
    s3_model_data_url=artifacts,
    role_arn=role,
    instance_type=PLACE,
    sagemaker_session=session,
)
builder.build(model_name="built")
built = builder.deploy(endpoint_name="built", initial_instance_count=1, instance_type=PLACE)

container = ContainerDefinition(image=XGBOOST, model_data_url=artifacts)
model = Model.create(model_name="declared", primary_container=container, execution_role_arn=role)
variant = ProductionVariant(
    variant_name="all", model_name="declared", instance_type=PLACE, initial_instance_count=1
)
config = EndpointConfig.create(endpoint_config_name="declared", production_variants=[variant])
declared = Endpoint.create(endpoint_name="declared", endpoint_config_name="declared")
declared.wait_for_status("InService", poll=1)

answers = [ask(built), ask(declared)]
for resource in (built, declared, config, model):
    resource.delete()
print("\n" + json.dumps({"answers": answers}))
