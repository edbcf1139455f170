"""Amazon SageMaker Runtime: invoking endpoints.

What it is: InvokeEndpoint, with SageMaker's headers, errors and metrics.
What really runs: model server processes of this machine behind a gateway with natural batching (`engines.serving`).
What differs from AWS: docs/serving.md.
"""

from sagesse.services.sagemaker_runtime.invoke import Invocations

__all__ = ["Invocations"]
