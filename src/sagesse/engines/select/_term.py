"""Reads what expressions are made of: constants, paths, functions, CASE and CAST."""

from collections.abc import Callable
from typing import TypeAlias, cast, get_args

from sagesse.engines.select._tree import (
    Aggregate,
    AggregateName,
    Call,
    Case,
    Cast,
    Comparison,
    DatePart,
    Index,
    Key,
    Literal,
    Node,
    Path,
    Step,
    TypeName,
)
from sagesse.engines.select._words import Words
from sagesse.engines.select.error import refusal

Parse: TypeAlias = Callable[[Words], Node]

_TYPES: dict[str, TypeName] = {
    "bool": "bool",
    "boolean": "bool",
    "int": "int",
    "integer": "int",
    "bigint": "int",
    "smallint": "int",
    "float": "float",
    "real": "float",
    "double": "float",
    "decimal": "decimal",
    "numeric": "decimal",
    "string": "text",
    "varchar": "text",
    "char": "text",
    "timestamp": "timestamp",
}
# How many arguments a function takes.
_ARITY = {
    "coalesce": (1, 1000),
    "nullif": (2, 2),
    "char_length": (1, 1),
    "character_length": (1, 1),
    "lower": (1, 1),
    "upper": (1, 1),
    "substring": (2, 3),
    "trim": (1, 2),
    "ltrim": (1, 1),
    "rtrim": (1, 1),
    "to_string": (2, 2),
    "to_timestamp": (1, 1),
    "date_add": (2, 2),
    "date_diff": (2, 2),
    "extract": (1, 1),
    "utcnow": (0, 0),
}
_AGGREGATES = get_args(AggregateName)
_DATE_PARTS = get_args(DatePart)
_DECIMAL_DIGITS = 38


def parse_term(words: Words, parse: Parse) -> Node:
    """A constant, a path, a call, or an expression in parentheses; `parse` reads the expressions within."""
    token = words.next
    match token.kind:
        case "string":
            return Literal("text", words.take().text)
        case "number":
            return Literal("number", words.take().text)
        case "ion":
            return Literal("timestamp", words.take().text)
        case _:
            pass
    match token.name:
        case "(":
            words.take()
            node = parse(words)
            words.expect(")")
            return node
        case "null" | "missing" as kind:
            words.take()
            return Literal(kind)
        case "true" | "false" as text:
            words.take()
            return Literal("bool", text)
        case "case":
            words.take()
            return _case(words, parse)
        case "cast":
            words.take()
            return _cast(words, parse)
        case _ if token.kind == "word" and words.is_call:
            return _call(words, parse)
        case _:
            first = words.identifier("ParseUnexpectedTerm")
            return Path((Key(first.text, first.kind == "quoted"), *parse_steps(words)))


def parse_steps(words: Words) -> tuple[Step, ...]:
    """What follows the first name of a path: ``.name``, ``[0]``, ``['name']``."""
    steps: list[Step] = []
    while opening := words.take_if(".", "["):
        if opening == ".":
            name = words.take() if words.next.kind in {"word", "quoted"} else None
            if name is None:
                code = "ParseInvalidContextForWildcardInSelectList" if words.next.name == "*" else ""
                raise words.unexpected(code or "ParseInvalidPathComponent", "expected a name")
            steps.append(Key(name.text, name.kind == "quoted"))
            continue
        steps.append(parse_subscript(words))
        words.expect("]", "ParseInvalidPathComponent")
    return tuple(steps)


def parse_subscript(words: Words) -> Step:
    """What stands in brackets: a position or a name in single quotes."""
    token = words.next
    if token.kind == "number" and token.text.isdecimal() and len(token.text) < 10:
        return Index(int(words.take().text))
    if token.kind in {"string", "quoted"}:
        return Key(words.take().text, is_exact=True)
    raise words.unexpected("ParseInvalidPathComponent", "expected a position or a name in quotes")


def _case(words: Words, parse: Parse) -> Node:
    subject = None if words.next.name == "when" else parse(words)
    branches: list[tuple[Node, Node]] = []
    while words.take_if("when"):
        condition = parse(words)
        words.expect("then", "ParseExpectedKeyword")
        test = condition if subject is None else Comparison("=", subject, condition)
        branches.append((test, parse(words)))
    if not branches:
        raise words.unexpected("ParseExpectedWhenClause", "expected WHEN")
    default = parse(words) if words.take_if("else") else None
    words.expect("end", "ParseExpectedKeyword")
    return Case(tuple(branches), default)


def _cast(words: Words, parse: Parse) -> Node:
    words.expect("(", "ParseExpectedLeftParenAfterCast")
    operand = parse(words)
    words.expect("as", "ParseExpectedKeyword")
    token = words.take()
    kind = _TYPES.get(token.name)
    if kind is None:
        raise refusal("InvalidDataType", f"The SQL expression contains an invalid data type: {token.text!r}.")
    if token.name == "double" and words.next.name == "precision":
        words.take()
    sizes = _sizes(words) if words.take_if("(") else []
    words.expect(")")
    if kind != "decimal" or not sizes:
        return Cast(operand, kind)
    precision, scale = sizes[0], sizes[1] if len(sizes) > 1 else 0
    if not 1 <= precision <= _DECIMAL_DIGITS or scale > precision:
        raise refusal(
            "ParseInvalidTypeParam",
            f"The SQL expression contains an invalid parameter value: DECIMAL({precision}, {scale}).",
        )
    return Cast(operand, kind, precision, scale)


def _sizes(words: Words) -> list[int]:
    sizes: list[int] = []
    while not sizes or words.take_if(","):
        token = words.next
        if token.kind != "number" or not token.text.isdecimal() or len(token.text) > 4 or len(sizes) > 1:
            raise words.unexpected("ParseInvalidTypeParam", "expected a size")
        sizes.append(int(words.take().text))
    words.expect(")")
    return sizes


def _call(words: Words, parse: Parse) -> Node:
    name = words.take().name
    words.expect("(")
    if name in _AGGREGATES:
        return _aggregate(words, parse, cast("AggregateName", name))
    if name not in _ARITY:
        raise refusal("UnsupportedFunction", f"Encountered an unsupported SQL function: {name.upper()}.")
    part, arguments = _arguments(words, parse, name)
    words.expect(")", "ParseExpectedRightParenBuiltinFunctionCall")
    least, most = _ARITY[name]
    if not least <= len(arguments) <= most:
        raise refusal(
            "EvaluatorInvalidArguments",
            f"Incorrect number of arguments in the function call {name.upper()} in the SQL expression.",
        )
    return Call(name, tuple(arguments), part)


def _aggregate(words: Words, parse: Parse, name: AggregateName) -> Node:
    if words.take_if("*"):
        if name != "count":
            raise refusal("ParseUnsupportedCallWithStar", "Only COUNT with (*) as a parameter is supported.")
        operand = None
    else:
        words.take_if("all")
        operand = parse(words)
    if not words.take_if(")"):
        raise words.unexpected("ParseNonUnaryAgregateFunctionCall", "aggregates take one argument")
    return Aggregate(name, operand)


def _arguments(words: Words, parse: Parse, name: str) -> tuple[str, list[Node]]:
    """The part or side in front of the arguments, and these."""
    match name:
        case "extract":
            part = _date_part(words)
            words.expect("from", "ParseExpectedKeyword")
            return part, [parse(words)]
        case "date_add" | "date_diff":
            part = _date_part(words)
            words.expect(",", "ParseExpectedArgumentDelimiter")
            return part, _list(words, parse)
        case "trim":
            side = words.take_if("leading", "trailing", "both")
            first = [] if words.next.name == "from" else [parse(words)]
            if words.take_if("from"):
                return side or "both", [parse(words), *first]
            return side or "both", first
        case "substring":
            return "", _substring(words, parse)
        case _:
            return "", _list(words, parse)


def _substring(words: Words, parse: Parse) -> list[Node]:
    text = parse(words)
    if not words.take_if("from"):
        return [text, *(_list(words, parse) if words.take_if(",") else [])]
    start = parse(words)
    return [text, start, *([parse(words)] if words.take_if("for") else [])]


def _list(words: Words, parse: Parse) -> list[Node]:
    if words.next.name == ")":
        return []
    arguments = [parse(words)]
    while words.take_if(","):
        arguments.append(parse(words))
    return arguments


def _date_part(words: Words) -> str:
    part = words.take_if(*_DATE_PARTS)
    if not part:
        raise words.unexpected("ParseExpectedDatePart", f"expected one of {', '.join(_DATE_PARTS).upper()}")
    return part
