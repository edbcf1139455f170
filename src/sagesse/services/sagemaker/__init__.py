"""Amazon SageMaker.

What it is: training jobs, models, endpoint configurations and endpoints, with SageMaker's names, states and errors.
What really runs: a training job is a process on this machine with its own ``/opt/ml`` (`engines.jobs`); an endpoint is
model server processes behind the gateway (`engines.serving`).
What differs from AWS: docs/services/sagemaker.md.
"""
