"""CloudWatch metrics: datapoints really stored, statistics and metric math computed when asked for.

What runs behind it is `engines.metrics`.

Differs from AWS: no alarms, dashboards or Metrics Insights; data keep their full resolution for 455 days.
docs/services/cloudwatch.md has the list.
"""

from sagesse.services.cloudwatch.service import Metrics

__all__ = ["Metrics"]
