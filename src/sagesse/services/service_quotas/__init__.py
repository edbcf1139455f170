"""AWS Service Quotas, for the one service that has quotas here: SageMaker.

What really runs: the quotas that CreateTrainingJob and CreateProcessingJob check (`engines.quota`); an
increase applies to the next call.
What differs from AWS: docs/services/service-quotas.md.
"""

from sagesse.services.service_quotas.service import ServiceQuotas

__all__ = ["ServiceQuotas"]
