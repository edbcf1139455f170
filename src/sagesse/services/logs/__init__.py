"""CloudWatch Logs: groups, streams and events, really stored and searched (`engines.streams.log`).

Differs from AWS: no Insights queries, no metric or subscription filters, no encryption keys; space-delimited
filter patterns are refused. docs/services/logs.md has the list.
"""

from sagesse.services.logs.event import Events
from sagesse.services.logs.group import Groups
from sagesse.services.logs.stream import Streams

__all__ = ["Events", "Groups", "Streams"]
