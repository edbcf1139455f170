"""What DuckDB is asked for: one query a block, and for aggregates one over what the blocks left."""

from datetime import UTC, datetime
from typing import NamedTuple

from sagesse.engines.select._aggregate import Totals, has_aggregate
from sagesse.engines.select._compile import Compiler
from sagesse.engines.select._output import Column, every_row, row
from sagesse.engines.select._source import Source
from sagesse.engines.select._tree import Item, Path, Statement
from sagesse.engines.select._value import Value
from sagesse.engines.select.base import Output
from sagesse.engines.select.error import refusal


class Plan(NamedTuple):
    """Queries: `block` yields records as texts, or with a `total` the partial aggregates it is over."""

    block: str
    total: str = ""


def plan(statement: Statement, source: Source, output: Output) -> Plan:
    """The queries of a statement.

    Raises:
        ServiceError: it cannot be answered from this source.
    """
    try:
        return _plan(statement, source, output)
    except RecursionError:
        raise refusal("UnsupportedSqlStructure", "The SQL expression is nested too deeply.") from None


def _plan(statement: Statement, source: Source, output: Output) -> Plan:
    now = datetime.now(UTC)
    rows = Compiler(source.column, now)
    where = "" if statement.where is None else f" WHERE {rows.truth(statement.where)}"
    if has_aggregate(statement.items):
        return _totals(statement, rows, source, where, output, now)
    if statement.items:
        shown = row([Column(name, rows.value(item.node)) for name, item in _named(statement)], output)
    else:
        shown = every_row(source, output)
    limit = "" if statement.limit is None else f" LIMIT {statement.limit}"
    return Plan(f"SELECT {shown.text} FROM (SELECT {shown.columns} FROM {source.relation}{where}{limit})")


def _totals(
    statement: Statement, rows: Compiler, source: Source, where: str, output: Output, now: datetime
) -> Plan:
    totals = Totals(rows.value)
    outer = Compiler(_no_column, now, totals.total)
    shown = row([Column(name, outer.value(item.node)) for name, item in _named(statement)], output)
    partials = ", ".join(f"{sql} AS p{at}" for at, sql in enumerate(totals.partials))
    operands = ", ".join(f"{sql} AS a{at}" for at, sql in enumerate(totals.operands)) or "1"
    return Plan(
        f"SELECT {partials} FROM (SELECT {operands} FROM {source.relation}{where})",
        f"SELECT {shown.text} FROM (SELECT {shown.columns} FROM partial)",
    )


def _named(statement: Statement) -> list[tuple[str, Item]]:
    return [(item.name or f"_{at + 1}", item) for at, item in enumerate(statement.items)]


def _no_column(path: Path) -> Value:
    raise refusal(
        "UnsupportedSqlStructure",
        "Encountered an unsupported SQL structure: columns and aggregates in one SELECT list need GROUP BY.",
    )
