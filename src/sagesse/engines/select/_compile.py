"""Turns the tree of an expression into DuckDB's SQL, of which nothing else is ever written."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from sagesse.engines.select._arithmetic import combine, negative
from sagesse.engines.select._cast import cast
from sagesse.engines.select._compare import compare, holds
from sagesse.engines.select._function import call
from sagesse.engines.select._like import like
from sagesse.engines.select._tree import (
    Aggregate,
    Arithmetic,
    Call,
    Case,
    Cast,
    Comparison,
    In,
    IsNull,
    Like,
    Literal,
    Logic,
    Negative,
    Node,
    Not,
    Path,
)
from sagesse.engines.select._value import (
    SQL_TYPES,
    Value,
    as_text,
    as_timestamp,
    bound,
    is_null,
    quoted,
    unify,
    wrong_type,
)
from sagesse.engines.select.error import refusal

Column: TypeAlias = Callable[[Path], Value]
Total: TypeAlias = Callable[[Aggregate], Value]

_LONGEST_SQL = 1 << 20  # some operators need their operand more than once
_BIG = 1 << 63
_WHOLE_DIGITS, _FRACTION_DIGITS = 26, 12  # of decimals


class Compiler:
    """Compiles the expressions of one statement.

    Args:
        column: what a path yields.
        now: what UTCNOW yields.
        total: what an aggregate yields; None where there may be none.
    """

    def __init__(self, column: Column, now: datetime, total: Total | None = None) -> None:
        self._column = column
        self._now = now
        self._total = total

    def value(self, node: Node) -> Value:
        """What an expression yields.

        Raises:
            ServiceError: its types do not fit, or something in it is not supported.
        """
        value = self._value(node)
        if len(value.sql) > _LONGEST_SQL:
            raise refusal("UnsupportedSqlStructure", "The SQL expression is too complex: nest it less.")
        return value

    def truth(self, node: Node) -> str:
        """SQL that is true where a condition is; what AND and OR need not know is not evaluated, left to right."""
        match node:
            case Logic("and", operands):
                tests = " ".join(
                    f"WHEN NOT coalesce({self.truth(part)}, false) THEN false" for part in operands
                )
                return f"CASE {tests} ELSE true END"
            case Logic("or", operands):
                tests = " ".join(f"WHEN {self.truth(part)} THEN true" for part in operands)
                return f"CASE {tests} ELSE false END"
            case Not(Not(inner)):
                return self.truth(inner)
            case Not(Logic(operator, operands)):
                return self.truth(
                    Logic("and" if operator == "or" else "or", tuple(Not(part) for part in operands))
                )
            case Comparison(operator, left, right):
                sides = (self.value(left), self.value(right))
                return bound(sides, lambda s: Value(holds(operator, *s), "bool")).sql
            case _:
                return self._bool(self.value(node))

    def _value(self, node: Node) -> Value:  # noqa: PLR0912 - a branch a node
        match node:
            case Literal():
                return _literal(node)
            case Path():
                return self._column(node)
            case Negative(operand):
                return bound([self.value(operand)], lambda s: negative(*s))
            case Arithmetic(operator, left, right):
                return bound((self.value(left), self.value(right)), lambda s: combine(operator, *s))
            case Comparison(operator, left, right):
                sides = (self.value(left), self.value(right))
                return bound(sides, lambda s: Value(compare(operator, *s), "bool"))
            case Logic(operator, operands):
                parts = f" {operator.upper()} ".join(self._bool(self.value(part)) for part in operands)
                return Value(f"({parts})", "bool")
            case Not(operand):
                return Value(f"(NOT {self._bool(self.value(operand))})", "bool")
            case IsNull(operand, is_missing):
                return Value(_is_null(self.value(operand), is_missing=is_missing), "bool")
            case Like(operand, pattern, escape):
                return bound([self.value(operand)], lambda s: Value(like(s[0], pattern, escape), "bool"))
            case In(operand, options):
                among = [self.value(option) for option in options]
                return bound([self.value(operand)], lambda s: Value(_one_of(s[0], among), "bool"))
            case Case(branches, default):
                return self._case(branches, default)
            case Cast(operand):
                return bound([self.value(operand)], lambda s: cast(s[0], node))
            case Call("utcnow"):
                return Value(f"CAST('{self._now:%Y-%m-%d %H:%M:%S.%f}' AS TIMESTAMP)", "timestamp")
            case Call(name, arguments, part):
                return self._call(name, [self.value(argument) for argument in arguments], part, arguments)
            case Aggregate():
                if self._total is None:
                    raise refusal(
                        "UnsupportedSqlStructure",
                        f"Encountered an unsupported SQL structure: {node.name.upper()} is not allowed here.",
                    )
                return self._total(node)

    def _case(self, branches: tuple[tuple[Node, Node], ...], default: Node | None) -> Value:
        values = [self.value(result) for _, result in branches]
        values.append(Value("NULL", "null") if default is None else self.value(default))
        kind, results = unify(values)
        tests = " ".join(
            f"WHEN {self.truth(condition)} THEN {sql}"
            for (condition, _), sql in zip(branches, results[:-1], strict=True)
        )
        return Value(f"CASE {tests} ELSE {results[-1]} END", kind)

    def _call(self, name: str, values: list[Value], part: str, nodes: Sequence[Node]) -> Value:
        if name == "coalesce":  # which need not evaluate all
            return call(name, values, part, nodes)
        return bound(values, lambda s: call(name, s, part, nodes))

    def _bool(self, value: Value) -> str:
        match value.kind:
            case "bool":
                return value.sql
            case "null":
                return "CAST(NULL AS BOOLEAN)"
            case "any":
                return f"CASE CAST({value.sql} AS VARCHAR) WHEN 'true' THEN true WHEN 'false' THEN false END"
            case _:
                raise wrong_type(value, "a condition")


def _literal(node: Literal) -> Value:
    match node.kind:
        case "text":
            return Value(quoted(node.text), "text")
        case "bool":
            return Value(node.text, "bool")
        case "null" | "missing":
            return Value("NULL", "null")
        case "timestamp":
            return Value(
                as_timestamp(Value(quoted(node.text), "text"), code="LexerInvalidIONLiteral"), "timestamp"
            )
        case "number":
            return _number(node.text)


def _number(text: str) -> Value:
    whole, _, fraction = text.lstrip("-").partition(".")
    if "e" in text.lower() or len(whole) > _WHOLE_DIGITS or len(fraction) > _FRACTION_DIGITS:
        if float(text) in {float("inf"), float("-inf")}:
            raise refusal("NumberFormatError", "Error parsing a number: it is too large.")
        return Value(f"CAST('{text}' AS DOUBLE)", "float")
    if "." not in text and -_BIG <= int(text) < _BIG:
        return Value(f"CAST({text} AS BIGINT)", "int", integer=int(text))
    return Value(f"CAST('{text}' AS {SQL_TYPES['decimal']})", "decimal")


def _is_null(value: Value, *, is_missing: bool) -> str:
    if not is_missing:
        return is_null(value)
    if value.is_stored:
        return f"({value.sql} IS NULL)"
    return "false"


def _one_of(value: Value, options: list[Value]) -> str:
    """SQL for IN: quick for texts, and else one comparison after another."""
    if value.kind in {"text", "any"} and all(option.kind == "text" for option in options):
        among = f"{as_text(value)} IN ({', '.join(option.sql for option in options)})"
        if value.kind == "text":
            return f"({among})"
        found = f"json_type({value.sql}) = 'VARCHAR' AND {among}"
        return f"CASE WHEN NOT {is_null(value)} THEN coalesce({found}, false) END"
    return "(" + " OR ".join(compare("=", value, option) for option in options) + ")"
