"""Aggregates over blocks: what each block keeps, and how that becomes the total."""

from collections.abc import Callable

from sagesse.engines.select._tree import Aggregate, Node
from sagesse.engines.select._value import (
    SQL_TYPES,
    Kind,
    Value,
    as_double,
    as_number,
    as_whole,
    bound,
    is_integer,
    is_null,
    is_number,
    wrong_type,
)


def has_aggregate(node: object) -> bool:
    """Whether a tree has an aggregate in it."""
    if isinstance(node, Aggregate):
        return True
    return isinstance(node, tuple) and any(has_aggregate(part) for part in node)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


class Totals:
    """The aggregates of one statement.

    Args:
        value: compiles what they are over.
    """

    def __init__(self, value: Callable[[Node], Value]) -> None:
        self._value = value
        self.operands: list[str] = []
        self.partials: list[str] = []

    def total(self, node: Aggregate) -> Value:
        """What an aggregate yields, out of the rows that blocks left in columns ``p0``, ``p1``, ...

        These are over the operands, in columns ``a0``, ``a1``, ...
        """
        if node.operand is None:
            return _count(self._keep("count(*)"))
        value = self._value(node.operand)
        if node.name == "count":
            value = self._operand(value)
            return _count(self._keep(f"count(CASE WHEN NOT {is_null(value)} THEN 1 END)"))
        if value.kind == "timestamp" and node.name in {"min", "max"}:
            return self._extreme(node.name, self._operand(value))
        number = self._operand(bound([value], lambda s: as_number(*s)))
        match node.name:
            case "sum":
                return self._sum(number)
            case "avg":
                return self._average(number)
            case name:
                return self._extreme(name, number)

    def _operand(self, value: Value) -> Value:
        """The value as a column."""
        self.operands.append(value.sql)
        return value._replace(sql=f"a{len(self.operands) - 1}")

    def _keep(self, sql: str) -> str:
        """Have each block compute something; the name of its column."""
        self.partials.append(sql)
        return f"p{len(self.partials) - 1}"

    def _sum(self, value: Value) -> Value:
        if value.kind == "any":
            whole, double = self._parts(value)
            # Written out, for JSON holds no wider number.
            exact = f"CAST(CAST(CAST(sum({whole}) AS BIGINT) AS VARCHAR) AS JSON)"
            mixed = f"to_json(coalesce(CAST(sum({whole}) AS DOUBLE), 0) + sum({double}))"
            return Value(f"CASE WHEN count({double}) = 0 THEN {exact} ELSE {mixed} END", "any")
        kind: Kind = "float" if value.kind == "null" else value.kind
        column = self._keep(f"sum(CAST({value.sql} AS {SQL_TYPES[kind]}))")
        return Value(f"CAST(sum({column}) AS {SQL_TYPES[kind]})", kind)

    def _average(self, value: Value) -> Value:
        count = self._keep(f"count(CASE WHEN NOT {is_null(value)} THEN 1 END)")
        if value.kind == "any":
            whole, double = self._parts(value)
            total = f"(coalesce(CAST(sum({whole}) AS DOUBLE), 0) + coalesce(sum({double}), 0))"
        else:
            total = f"CAST({self._sum(value).sql} AS DOUBLE)"
        return Value(f"CASE WHEN sum({count}) > 0 THEN {total} / sum({count}) END", "float")

    def _parts(self, value: Value) -> tuple[str, str]:
        """The sums of JSON's whole numbers and of the others."""
        whole = self._keep(f"sum(CASE WHEN {is_integer(value)} THEN {as_whole(value)} END)")
        other = f"{is_number(value)} AND NOT {is_integer(value)}"
        return whole, self._keep(f"sum(CASE WHEN {other} THEN {as_double(value)} END)")

    def _extreme(self, name: str, value: Value) -> Value:
        match value.kind:
            case "any":
                # By size as doubles; whole numbers that are the same double are told apart.
                order = f"CASE WHEN {is_number(value)} THEN {as_double(value)} END"
                fine = f"CASE WHEN {is_integer(value)} THEN {as_whole(value)} ELSE 0 END"
                column = self._keep(
                    f"arg_{name}({{'v': {value.sql}, 'o': {order}, 'f': {fine}}}, ({order}, {fine})) "
                    f"FILTER (WHERE {is_number(value)})"
                )
                best = f"arg_{name}({column}, ({column}.o, {column}.f)) FILTER (WHERE {column} IS NOT NULL)"
                return Value(f"struct_extract({best}, 'v')", "any")
            case "null":
                return Value(f"{name}({self._keep('CAST(NULL AS DOUBLE)')})", "float")
            case "int" | "decimal" | "float" | "timestamp" as kind:
                return Value(f"{name}({self._keep(f'{name}({value.sql})')})", kind)
            case _:
                raise wrong_type(value, "a number")


def _count(column: str) -> Value:
    return Value(f"CAST(coalesce(sum({column}), 0) AS BIGINT)", "int")
