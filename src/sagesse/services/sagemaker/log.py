"""The log of a job: shipped to CloudWatch Logs as it grows, searched for metrics on the way, exactly once."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from sagesse.core.client_regex import compile_regex
from sagesse.core.scope import Scope
from sagesse.engines.jobs.log import LogLine, has_lines, read_log
from sagesse.engines.metrics.base import Datum, Metric, MetricStore
from sagesse.engines.streams.log import LogEvent, LogStore

MAX_FINAL_METRICS = 40  # of the model's FinalMetricDataList
_SEARCH_S = 0.1  # in one line; a search holds up the whole server
_MOST_GIVEN_UP = 5
_log = logging.getLogger(__name__)


class Search:
    """A regex of a client's that is looked for in lines, as long as that takes no time to speak of.

    A regex whose repetitions contain one another may need years for one line. A line that takes too long has no match,
    and after a few such lines nothing has.

    Raises:
        ValueError: the regex does not compile, or has no group.
    """

    def __init__(self, text: str) -> None:
        self._pattern = compile_regex(text)
        if not self._pattern.groups:
            raise ValueError("no group")
        self._given_up = 0

    def number_in(self, line: str) -> float | None:
        """The number in group 1, None for what is none: a metric that printed "nan" is no value."""
        if self._given_up >= _MOST_GIVEN_UP:
            return None
        try:
            match = self._pattern.search(line, timeout=_SEARCH_S)
        except TimeoutError:
            self._give_up()
            return None
        try:
            value = float(match.group(1)) if match is not None else None
        except (ValueError, TypeError):
            return None
        return value if value is not None and value - value == 0 else None

    def _give_up(self) -> None:
        self._given_up += 1
        if self._given_up == _MOST_GIVEN_UP:
            _log.warning("metric regex %r takes too long: it finds nothing any more", self._pattern.pattern)


class Definition(NamedTuple):
    """A metric to look for: group 1 is its value, on the line as it was printed or as CloudWatch shows it.

    Published regexes are written for CloudWatch's form, where a tab is ``#011``; there ``\\S+`` runs on over the tab
    into the next metric. So the regex is also kept for the line as printed, and asked first.
    """

    name: str
    printed: Search
    shown: Search


class Found(NamedTuple):
    """A value that a job printed, when (epoch seconds), and the offset behind its line."""

    name: str
    value: float
    time: float
    end: int


_NO_METRIC = Metric("", "")


class LogShipper:
    """Takes what jobs print to the log and metric stores.

    Args:
        logs: where lines go; it knows how much of a file it holds, so no line is shipped twice.
        metrics: where numbers go, with the same guarantee.
    """

    def __init__(self, logs: LogStore, metrics: MetricStore) -> None:
        self._logs = logs
        self._metrics = metrics

    def has(self, scope: Scope, group: str, stream: str) -> bool:
        """Whether lines of some run are in that stream."""
        return self._logs.source_offset(scope, group, stream) > 0

    def ship(
        self,
        scope: Scope,
        group: str,
        stream: str,
        log: Path,
        *,
        is_over: bool = False,
        definitions: Sequence[Definition] = (),
        metric: Metric = _NO_METRIC,
    ) -> None:
        """Ship the lines that are new.

        Args:
            scope: account and region of the job.
            group, stream: where the lines go; made with the first of them, or empty at the end.
            log: the job's log file.
            is_over: no lines will come after these.
            definitions: the metrics to look for.
            metric: namespace and dimensions of the metrics found; its name is replaced.
        """
        if not is_over and not has_lines(log):
            return
        offset = self._logs.source_offset(scope, group, stream)
        while True:
            lines, end = read_log(log, offset)
            if end == offset:
                break
            data = [
                Datum.of(metric._replace(name=found.name), found.time, found.value)._replace(
                    source_offset=end
                )
                for found in find_metrics(lines, definitions)
            ]
            if data:
                self._metrics.put(scope, data, source=f"{group}:{stream}")
            events = [LogEvent(line.time_ms, shown(line.text)) for line in lines]
            self._logs.append(scope, group, stream, events, source_offset=end, after_offset=offset)
            offset = end
        if is_over and not offset:
            self._logs.ensure_stream(scope, group, stream)


def final_metrics(logs: Iterable[Path], definitions: list[Definition]) -> list[dict[str, Any]]:
    """The last value of each metric in the log files of a job's hosts, as FinalMetricDataList has it."""
    last: dict[str, Found] = {}
    for log in logs if definitions else ():
        for found in find_metrics(_all_lines(log), definitions):
            if found.name not in last or found.time >= last[found.name].time:
                last[found.name] = found
    return [
        {"MetricName": found.name, "Value": found.value, "Timestamp": found.time} for found in last.values()
    ][:MAX_FINAL_METRICS]


def metric_definitions(declared: Iterable[Mapping[str, Any]]) -> list[Definition]:
    """Compiled definitions; one whose regex does not compile, or has no group, finds nothing, as on AWS."""
    compiled: dict[str, Definition] = {}
    for definition in declared:
        name, text = definition["Name"], definition["Regex"]
        try:
            compiled[name] = Definition(name, _search(text.replace("#011", r"\t")), _search(text))
        except ValueError:
            continue
    return list(compiled.values())


def find_metrics(lines: Iterable[LogLine], definitions: Iterable[Definition]) -> Iterator[Found]:
    """Every match, on the line as CloudWatch shows it or as it was printed."""
    for line in lines:
        text = shown(line.text)
        for definition in definitions:
            value = definition.printed.number_in(line.text)
            is_other = text != line.text or definition.shown is not definition.printed
            if value is None and is_other:
                value = definition.shown.number_in(text)
            if value is not None:
                yield Found(definition.name, value, line.time_ms / 1000, line.end)


def shown(text: str) -> str:
    """A line as CloudWatch Logs shows it: tabs become ``#011``; an empty line becomes a blank."""
    return text.replace("\t", "#011") or " "


def _all_lines(log: Path) -> Iterator[LogLine]:
    offset = 0
    while True:
        lines, end = read_log(log, offset)
        if end == offset:
            return
        yield from lines
        offset = end


@lru_cache(maxsize=1024)
def _search(text: str) -> Search:
    """One for all jobs and steps that look for the same, so that what took too long once is remembered."""
    return Search(text)
